import type { Guard } from '../pipeline.js'

/**
 * Gives every request an id and puts it on every response, success or error, in the dialect's own
 * header and in the two the official SDKs read (`x-request-id`, `request-id`). A caller's own
 * X-Request-Id is never used for it.
 */
export function requestIdGuard(): Guard {
  return {
    name: 'request-id',
    phase: 'head',
    enter(exchange) {
      exchange.announceRequestId()
    },
  }
}
