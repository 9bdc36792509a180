import { withoutKeys } from '../secrets.js'

/** What a store answered, or why it did not. */
export type StoreAnswer<T> =
  | { readonly kind: 'answered'; readonly value: T; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly problem: string }

const deadlineMs = 2_000
const problemLength = 200

/** Asks a store something, and waits for 2 s at most. Never throws. */
export async function askStore<T>(question: () => T | Promise<T>): Promise<StoreAnswer<T>> {
  const startedMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<StoreAnswer<T>>((resolve) => {
    timer = setTimeout(
      () => resolve({ kind: 'failed', problem: `no answer within ${deadlineMs / 1000} s` }),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([answerOf(question, startedMs), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

async function answerOf<T>(
  question: () => T | Promise<T>,
  startedMs: number,
): Promise<StoreAnswer<T>> {
  try {
    const value = await question()
    return { kind: 'answered', value, tookMs: performance.now() - startedMs }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { kind: 'failed', problem: withoutKeys(problem).slice(0, problemLength) }
  }
}
