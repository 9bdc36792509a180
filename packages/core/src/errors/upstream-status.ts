import type { Dialect } from '../dialects/dialect.js'
import { GatewayError } from './gateway-error.js'

/**
 * What an upstream's status means to the caller. Its message never goes along: it may hold a
 * balance, a key or a stack that is nobody's business here.
 *
 * @param status the status of an answer that is no good
 * @param dialect the request's: it says whose fault a 400 is
 * @param retryAfterMs how long the upstream asks to wait, for answers that tell the caller to
 */
export function fromUpstreamStatus(
  status: number,
  cause: unknown,
  dialect: Dialect,
  retryAfterMs?: number,
): GatewayError {
  const details = { status_code: status }
  switch (status) {
    case 400:
    case 422:
      if (dialect.upstreamBadRequest === 'upstream') break
      return new GatewayError('body_malformed', {
        message: 'The upstream rejected the request as malformed.',
        details,
        cause,
      })
    case 401:
    case 403:
      return new GatewayError('channel_key_invalid', { details, cause })
    case 429:
    case 503:
    case 529:
      return new GatewayError('upstream_unavailable', { details, cause, retryAfterMs })
  }
  if (status >= 400) return new GatewayError('upstream_rejected', { details, cause })
  return new GatewayError('upstream_bad_response', { cause })
}
