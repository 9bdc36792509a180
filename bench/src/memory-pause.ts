// What a million keys do to a server: how long it takes to have them, and how long it stops for them
// while a million others come within a minute and the least used are let go: `npm run bench:memory`.
import {
  createDigester,
  createKeys,
  MemoryKeyStore,
  TokenBucketMemory,
  type ApiKey,
} from '@lazu/core'
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { percentile } from './statistics.js'
import { atMost, printTargets } from './target.js'

const million = 1_000_000
const minuteMs = 60_000
/** What is late is not made up for in one go, which would be a pause of our own making. */
const mostInATurn = 100

const digester = createDigester([])
const store = new MemoryKeyStore()
const keys = createKeys({ store })
const bucket = new TokenBucketMemory({ points: 60, duration: 3600, maxKeys: million })
console.log('\na million keys, and a minute of a million others')
const { storeSeconds, bucketSeconds } = await start()

let longestCollectionMs = 0
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    longestCollectionMs = Math.max(longestCollectionMs, duration)
  }
})
observer.observe({ entryTypes: ['gc'] })
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const decisionsMs = await decideEvenly()
delay.disable()
// What was collected last is told with the next turn.
await new Promise((resolve) => setTimeout(resolve, 10))
observer.disconnect()

const slowestMs = percentile(decisionsMs, 1)
const nearlySlowestMs = percentile(decisionsMs, 0.9999)
console.log(
  `  start-up: ${storeSeconds.toFixed(1)} s for the keys' records, ` +
    `${bucketSeconds.toFixed(1)} s for their buckets`,
)
console.log(
  `  a decision: ${micros(percentile(decisionsMs, 0.5))} at the median, ` +
    `${micros(percentile(decisionsMs, 0.99))} at the 99th percentile, ` +
    `${micros(nearlySlowestMs)} at the 99.99th, ${micros(slowestMs)} the slowest`,
)
console.log(`  the longest pause: ${(delay.max / 1_000_000).toFixed(1)} ms between two turns`)
console.log(`  the longest collection: ${longestCollectionMs.toFixed(1)} ms`)
console.log(`  heap: ${Math.round(process.memoryUsage().heapUsed / 1_000_000)} MB\n`)
printTargets([
  atMost('a million keys, seconds to start', storeSeconds + bucketSeconds, 5),
  atMost('a million others, ms of a decision at the 99.99th percentile', nearlySlowestMs, 5),
])

/** Hands the store a million records, and lets each of their keys take once. */
async function start(): Promise<{ storeSeconds: number; bucketSeconds: number }> {
  const records = Array.from({ length: million }, (_, index) => recordOf(index))
  const startMs = performance.now()
  for (const record of records) store.insert(record)
  await keys.authenticate(secretOf(0))
  const storedMs = performance.now()
  for (const { id } of records) bucket.take(id, 1, performance.now())
  const tookMs = performance.now()
  return { storeSeconds: (storedMs - startMs) / 1000, bucketSeconds: (tookMs - storedMs) / 1000 }
}

/** Looks a key up and takes from a bucket that nobody took from, a million times in a minute. */
function decideEvenly(): Promise<Float64Array> {
  const tookMs = new Float64Array(million)
  return new Promise((resolve) => {
    const beginMs = performance.now()
    let done = 0
    const decide = (): void => {
      const due = Math.min(million, ((performance.now() - beginMs) * million) / minuteMs)
      const last = Math.min(due, done + mostInATurn)
      while (done < last) {
        const secret = secretOf(done)
        const id = `other_${done}`
        const nowMs = performance.now()
        void keys.authenticate(secret)
        bucket.take(id, 1, nowMs)
        tookMs[done++] = performance.now() - nowMs
      }
      if (done < due) setImmediate(decide)
      else if (done < million) setTimeout(decide, 1)
      else resolve(tookMs)
    }
    decide()
  })
}

function secretOf(index: number): string {
  return `sk-bench-${String(index).padStart(20, '0')}`
}

function recordOf(index: number): ApiKey {
  const id = `key_${String(index).padStart(26, '0')}`
  return {
    id,
    account: `account-${index % 1_000}`,
    name: 'bench',
    shown: 'sk-bench-…0000',
    status: 'active',
    createdAtMs: 1_700_000_000_000,
    revision: 1,
    digest: digester.digest(secretOf(index)),
  }
}

function micros(ms: number): string {
  return `${(ms * 1000).toFixed(0)} µs`
}
