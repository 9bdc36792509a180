import { GatewayError, MemoryLedger, usd } from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { turn, World, type Run } from './store-world.js'

const ttlMs = 60_000
const most = 16

/** A world whose ledger has money for many, and tells which reservations it was asked to extend. */
function makeWorld(): { world: World; asked: string[] } {
  const world = new World()
  world.memory.credit('acme', usd(100), 'more')
  const asked: string[] = []
  const { ledger } = world
  const extend = ledger.extend.bind(ledger)
  ledger.extend = (id, forMs) => {
    asked.push(id)
    return extend(id, forMs)
  }
  return { world, asked }
}

async function enterMany(world: World, count: number, apartMs = 0): Promise<Run[]> {
  const runs: Run[] = []
  for (let index = 0; index < count; index++) {
    runs.push(await world.enter())
    if (apartMs > 0) world.fake.advance(apartMs)
  }
  return runs
}

function idsOf(runs: readonly Run[]): string[] {
  return runs.map((run) => run.id)
}

/** Lets time pass, and what does not need any go on. */
async function pass(world: World, ms: number, stepMs = 50): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    world.fake.advance(stepMs)
    await turn()
  }
}

/** Lets time pass until something is so. */
async function passUntil(world: World, isSo: () => boolean): Promise<void> {
  for (let steps = 0; steps < 1_000; steps++) {
    if (isSo()) return
    await pass(world, 10, 10)
  }
  throw new Error('it did not happen')
}

describe('extending the reservations of many requests', () => {
  it('asks a ledger for some of them at a time, and for all of them in time', async () => {
    const { world, asked } = makeWorld()
    // It does one after the other, each for 2 ms: the 25th that is asked for at once is too late.
    let freeAtMs = 0
    world.ledger.extend = (id, forMs) => {
      asked.push(id)
      const { fake, memory } = world
      freeAtMs = Math.max(freeAtMs, fake.monotonicMs()) + 2
      const tookMs = freeAtMs - fake.monotonicMs()
      return new Promise((resolve) => {
        fake.after(tookMs, () => resolve(memory.extend(id, forMs)))
      })
    }
    const runs = await enterMany(world, 200)
    world.fake.advance(ttlMs / 3 - 1)
    expect(asked).toEqual([])
    world.fake.advance(1)
    expect(asked).toHaveLength(most)
    await pass(world, 500, 1)
    expect(asked.toSorted()).toEqual(idsOf(runs).toSorted())
    expect(world.log).toEqual([])
    expect(world.degraded).toEqual([])
    const held = world.balance().held
    world.fake.advance(ttlMs - 1_000)
    expect(world.balance().held).toBe(held)
    for (const run of runs) run.end(1)
    await turn()
    expect(world.balance()).toEqual({ held: 0, settled: 200 })
    await pass(world, 100)
    expect(world.fake.waiting).toBe(0)
  })

  it('asks for each when a third of its time is over', async () => {
    const { world, asked } = makeWorld()
    const [first, second] = await enterMany(world, 2, 1_000)
    if (first === undefined || second === undefined) throw new Error('there are two')
    await pass(world, ttlMs / 3 - 2_000)
    expect(asked).toEqual([first.id])
    await pass(world, 1_000)
    expect(asked).toEqual([first.id, second.id])
    await pass(world, ttlMs / 3)
    expect(asked).toEqual([first.id, second.id, first.id, second.id])
  })

  it('repeats the soonest to expire first, some at a time', async () => {
    const { world, asked } = makeWorld()
    const runs = await enterMany(world, 40, 10)
    world.faults.mode = 'fail'
    await pass(world, ttlMs / 3)
    expect(world.log).toHaveLength(40)
    expect(world.degraded).toMatchObject([{ state: 'opened' }])

    // One try finds that it is back, and then others may ask it again.
    world.faults.comeBack()
    await passUntil(world, () => world.degraded.at(-1)?.state === 'closed')
    asked.length = 0
    world.faults.mode = 'hang'
    await passUntil(world, () => asked.length > 0)
    expect(asked).toEqual(idsOf(runs).slice(1, 1 + most))
    world.faults.comeBack()
    await turn()
    expect(asked).toEqual(idsOf(runs).slice(1))
    expect(world.log).toHaveLength(40)
  })

  it('does not extend what has ended before its turn came', async () => {
    const { world, asked } = makeWorld()
    const runs = await enterMany(world, 40)
    world.faults.mode = 'hang'
    world.fake.advance(ttlMs / 3)
    expect(asked).toHaveLength(most)
    const underWay = new Set(asked)
    world.faults.serveOthers()
    for (const run of runs) if (!underWay.has(run.id)) run.end(1)
    await turn()
    world.faults.comeBack()
    await turn()
    expect(asked).toHaveLength(most)

    for (const run of runs) if (underWay.has(run.id)) run.end(1)
    await turn()
    expect(world.fake.waiting).toBe(0)
    await pass(world, ttlMs)
    expect(asked).toHaveLength(most)
    expect(world.balance()).toEqual({ held: 0, settled: 40 })
  })

  it('does not repeat what has ended since, whether it failed or is being asked for', async () => {
    const { world, asked } = makeWorld()
    const runs = await enterMany(world, 3)
    world.faults.mode = 'fail'
    world.fake.advance(ttlMs / 3)
    await turn()
    expect(asked).toHaveLength(3)
    world.faults.mode = 'none'
    const [first, second, third] = runs
    first?.end(1)
    world.faults.mode = 'hang'
    await pass(world, 150, 10)
    expect(asked.slice(3).toSorted()).toEqual(idsOf(runs.slice(1)).toSorted())
    world.faults.serveOthers()
    second?.end(1)
    third?.end(1)
    await pass(world, ttlMs)
    expect(asked).toHaveLength(5)
    expect(world.fake.waiting).toBe(0)
  })

  it('asks again soon enough for the time they have, however long the ledger has failed', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const world = new World({ reservationTtl: '6s' })
    const run = await world.enter()
    world.ledger.extend = () => Promise.reject(new Error('it is down'))
    await pass(world, 5_200, 10)
    // The longest pause that the failures have led to by now ends when the reservation is over.
    world.ledger.extend = async (id, forMs) => world.memory.extend(id, forMs)
    await pass(world, 700, 10)
    world.ledger.extend = () => Promise.reject(new Error('it is down'))
    await pass(world, 5_000, 10)
    expect(world.balance().held).toBeGreaterThan(0)
    run.end(7)
  })

  it('goes on when a ledger refuses one, and asks for it again with the others', async () => {
    const { world, asked } = makeWorld()
    const [run] = await enterMany(world, 1)
    world.ledger.extend = async (id) => {
      asked.push(id)
      throw new GatewayError('quota_conflict')
    }
    await pass(world, ttlMs, 1_000)
    expect(asked).toHaveLength(3)
    expect(world.log).toHaveLength(3)
    run?.end()
    await turn()
    expect(world.fake.waiting).toBe(0)
  })

  it('waits for nothing when the ledger answers at once', async () => {
    const clock = new FakeClock()
    const ledger = new MemoryLedger({ clock })
    ledger.credit('acme', usd(100), 'c1')
    const extend = vi.spyOn(ledger, 'extend')
    const world = new World({ ledger, clock })
    const runs = await enterMany(world, 100)
    clock.advance(ttlMs / 3)
    expect(extend).toHaveBeenCalledTimes(100)
    clock.advance(ttlMs - 1)
    expect(extend).toHaveBeenCalledTimes(300)
    expect(ledger.balance('acme').held).toBeGreaterThan(0)
    for (const run of runs) run.end(1)
    expect(ledger.balance('acme')).toMatchObject({ held: 0, settled: 100 })
    expect(clock.waiting).toBe(0)
  })
})
