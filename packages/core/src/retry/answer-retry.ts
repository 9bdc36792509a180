import type { GatewayError } from '../errors/gateway-error.js'
import { announcedWaitMs, mayRetry } from '../errors/retry.js'
import type { Advice } from './advice.js'
import { retryAfterOf } from './retry-after.js'

/** The advice a GatewayError's own answer gives, before it is on its way to a client. */
export function adviceOfGatewayError(error: GatewayError, nowMs: number): Advice {
  const answer = error.answerIn(error.dialect)
  const waitMs = announcedWaitMs(error, answer) ?? retryAfterOf(error.headers, nowMs)
  if (answer[3] === 'once') return { retry: 'once', waitMs }
  return { retry: mayRetry(error, answer) ? 'yes' : 'no', waitMs }
}
