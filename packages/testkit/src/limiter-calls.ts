import { RateLimiterRes, type RateLimiterLike } from 'rate-limiter-flexible'

/** Takes one by one until it is refused, and tells how many passed. */
export async function takeAll(limiter: RateLimiterLike, key: string): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    try {
      await limiter.consume(key)
    } catch (thrown) {
      ignoreRefusal(thrown)
      return taken
    }
  }
}

/** What the limiter refuses with; an error when it does not refuse. */
export async function refusal(
  limiter: RateLimiterLike,
  key: string,
  points: number = 1,
): Promise<RateLimiterRes> {
  try {
    await limiter.consume(key, points)
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return thrown
    throw thrown
  }
  throw new Error(`${points} passed that should have been refused`)
}

/** 0 for a refusal; throws what is none. */
export function ignoreRefusal(thrown: unknown): number {
  if (thrown instanceof RateLimiterRes) return 0
  throw thrown
}

/** Whether a settled promise was rejected. */
export function isRejected(answer: PromiseSettledResult<unknown>): answer is PromiseRejectedResult {
  return answer.status === 'rejected'
}

/** A state as a plain object, to compare. */
export function fieldsOf(state: RateLimiterRes): object {
  return state.toJSON()
}
