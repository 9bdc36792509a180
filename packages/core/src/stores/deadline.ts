import type { Clock, Timer } from '../lib/clock.js'

/** A timer that comes later than this was held up by something else in this process. */
const lateMs = 10

/**
 * Waits for an answer, but no longer than `deadlineMs`. What becomes of it later is ignored.
 *
 * @param expired makes the error to reject with
 */
export function withDeadline<T>(
  answer: Promise<T>,
  deadlineMs: number,
  clock: Clock,
  expired: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const dueMs = clock.monotonicMs() + deadlineMs
    const expire = (): void => reject(expired())
    let timer: Timer = clock.after(deadlineMs, () => {
      // Timers run before what has arrived is read: after a pause of this process the answer may
      // be there already.
      if (clock.monotonicMs() - dueMs > lateMs) timer = clock.after(1, expire)
      else expire()
    })
    const answered = (): void => {
      timer.cancel()
      resolve(answer)
    }
    answer.then(answered, answered)
  })
}
