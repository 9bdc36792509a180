/** A promise and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

/** Makes a promise that somebody else settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = ignore
  let reject: (reason: unknown) => void = ignore
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  return { promise, resolve, reject }
}

function ignore(): void {}

/**
 * Waits until a condition holds, and fails when it does not in time.
 *
 * @param what the condition in words, for the failure
 */
export async function until(
  what: string,
  condition: () => boolean,
  deadlineMs = 5_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`it did not come to pass in time: ${what}`)
    await new Promise((resolve) => void setTimeout(resolve, 1))
  }
}
