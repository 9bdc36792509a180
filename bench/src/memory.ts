// What a rate limiter's memory costs a key: `npm run bench:memory`. Every key has taken once, and
// what it took comes back after an hour, so all of them are held. Keys are as long as a key's id
// is, and nobody else holds their text.
import { TokenBucketMemory } from '@lazu/core'
import { randomBytes } from 'node:crypto'
import { createHook } from 'node:async_hooks'
import { RateLimiterMemory } from 'rate-limiter-flexible'

interface Limiter {
  consume(key: string): Promise<unknown>
}

const options = { points: 1, duration: 3600 }
const ours = (): Limiter => new TokenBucketMemory(options)
const theirs = (): Limiter => new RateLimiterMemory(options)

const collectGarbage = globalThis.gc
if (collectGarbage === undefined) {
  console.error('run with node --expose-gc')
  process.exit(2)
}

console.log(`Node ${process.version}, keys of ${makeKey().length} characters\n`)
// The first use of each compiles code and fills caches, which is not the keys' cost.
await fill(ours(), 1000)
await fill(theirs(), 1000)

await measure('TokenBucketMemory', ours, 100_000)
await measure('TokenBucketMemory', ours, 1_000_000)
await measure('rate-limiter-flexible RateLimiterMemory', theirs, 100_000)

async function measure(name: string, make: () => Limiter, keys: number): Promise<void> {
  const before = heapAfterCollection()
  const limiter = make()
  await fill(limiter, keys)
  const filled = process.memoryUsage().heapUsed
  const after = heapAfterCollection()
  // Used once more, so that the limiter is still there when the heap is looked at.
  await limiter.consume('the last')

  console.log(`${name}, ${keys.toLocaleString('en')} keys`)
  console.log(`  ${Math.round((after - before) / keys)} bytes a key`)
  console.log(
    `  heap: ${megabytes(before)} before, ${megabytes(filled)} filled, ${megabytes(after)} collected`,
  )
  const active = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout')
  const set = await timersSetBy(make())
  console.log(`  timers: ${active.length} hold the process open, ${set} set for 1,000 keys\n`)
}

async function fill(limiter: Limiter, keys: number): Promise<void> {
  for (let index = 0; index < keys; index += 1) await limiter.consume(makeKey())
}

/** How many timers the limiter sets for 1,000 keys, those included that hold nothing open. */
async function timersSetBy(limiter: Limiter): Promise<number> {
  let timers = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'Timeout') timers += 1
    },
  })
  hook.enable()
  await fill(limiter, 1000)
  hook.disable()
  return timers
}

/** As a key's id is: a prefix and 26 characters. */
function makeKey(): string {
  return Buffer.from(`key_${randomBytes(13).toString('hex')}`).toString('latin1')
}

function heapAfterCollection(): number {
  // Twice: what finalizers and weak references let go in the first is collected in the second.
  collectGarbage?.()
  collectGarbage?.()
  return process.memoryUsage().heapUsed
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
