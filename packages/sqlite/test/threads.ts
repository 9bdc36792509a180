import type { Worker } from 'node:worker_threads'

/** The threads of this process that are alive. */
const threads = new Set<Worker>()

process.on('worker', (thread) => {
  threads.add(thread)
  thread.once('exit', () => threads.delete(thread))
})

/** Has every thread fail of itself, at the first message that comes. */
export async function crashThreads(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  for (const thread of threads) thread.postMessage('this is no JSON', [])
}

/** How many threads this process has beside its own. */
export function threadCount(): number {
  return threads.size
}

/** Ends every thread where it stands, as running out of memory would. */
export async function killThreads(): Promise<void> {
  // Node tells of a thread in the turn after it was started.
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([...threads].map((thread) => thread.terminate()))
}
