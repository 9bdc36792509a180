import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { turn, World } from './store-world.js'

/** Milliseconds until a timer of 50 ms went off, which tells how busy this machine is. */
async function bareTimerMs(): Promise<number> {
  const startedMs = performance.now()
  await delay(50)
  return performance.now() - startedMs
}

/** How much later than that 99 of 100 decisions are made, with 50 in flight. */
async function latenessMs(world: World): Promise<number> {
  const lateMs: number[] = []
  const decide = async (): Promise<void> => {
    const bare = bareTimerMs()
    const startedMs = performance.now()
    const run = await world.enter()
    const decidedMs = performance.now() - startedMs
    expect(run.status).toBe(503)
    lateMs.push(decidedMs - (await bare))
  }
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      await delay(2 * index)
      for (let count = 0; count < 20; count++) {
        await decide()
        await turn()
      }
    }),
  )
  lateMs.sort((a, b) => a - b)
  return lateMs[Math.ceil(lateMs.length * 0.99) - 1] ?? Infinity
}

it('decides within the deadline and 20 ms while the ledger hangs, and recovers in two seconds', async () => {
  // What is compiled with the first refusals is not the ledger's fault, and what other processes of
  // this machine do meanwhile neither: the best of five, each with a ledger that has just begun to hang.
  let world = new World({}, 'real')
  world.faults.mode = 'fail'
  for (let times = 0; times < 500; times++) await world.enter()
  let bestMs = Infinity
  for (let round = 0; round < 5 && bestMs >= 20; round++) {
    world = new World({}, 'real')
    for (let times = 0; times < 200; times++) (await world.enter()).end(0)
    world.faults.mode = 'hang'
    bestMs = Math.min(bestMs, await latenessMs(world))
    expect(world.faults.hanging).toBeGreaterThan(10)
  }
  expect(bestMs).toBeLessThan(20)

  world.faults.comeBack()
  const backMs = performance.now()
  await vi.waitFor(async () => expect((await world.enter()).passed).toBe(true), 5_000)
  expect(performance.now() - backMs).toBeLessThan(2_000)
})
