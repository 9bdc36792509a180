/** Whether a value must be waited for. Not by `instanceof`: drivers bring promises of their own. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/**
 * Goes on when some work is done or has failed: at once when it is synchronous, without a promise.
 * What `onValue` throws is not handed to `onError`.
 */
export function whenDone<T, R>(
  work: () => T | Promise<T>,
  onValue: (value: T) => R | Promise<R>,
  onError: (error: unknown) => R | Promise<R> = rethrow,
): R | Promise<R> {
  let value: T | Promise<T>
  try {
    value = work()
  } catch (error) {
    return onError(error)
  }
  return isPromise(value) ? value.then(onValue, onError) : onValue(value)
}

function rethrow(error: unknown): never {
  throw error
}
