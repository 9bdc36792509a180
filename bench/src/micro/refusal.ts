import { formatError, GatewayError } from '@lazu/core'
import createError from 'http-errors'
import { contextWith } from '../bare-exchange.js'
import type { Group } from './group.js'

/** A refusal is made and written as an answer: status, headers and body. */
export function refusalGroup(): Group {
  const context = contextWith({})
  const { requestId } = context
  const message = 'Request rate limit exceeded (60/min)'
  return {
    title: 'a refusal is made and formatted',
    limitNs: 2_000,
    contenders: [
      {
        name: 'GatewayError and formatError()',
        role: 'lazu',
        call: () =>
          formatError(
            new GatewayError('request_rate_limited', {
              facts: { limit: 60 },
              details: { rule: 'rpm', limit: 60 },
              retryAfterMs: 1_500,
            }),
            context,
          ),
      },
      {
        name: 'hand-written',
        role: 'minimum',
        call: () => {
          const error = { message, type: 'rate_limit_exceeded', code: 'rate_limit', param: null }
          const body = JSON.stringify({ error: { ...error, request_id: requestId } })
          const length = String(Buffer.byteLength(body))
          const headers = { 'content-type': 'application/json', 'content-length': length }
          return { status: 429, headers: { ...headers, 'retry-after': '2' }, body }
        },
      },
      {
        name: 'http-errors',
        role: 'package',
        call: () => {
          const error = createError(429, message, { headers: { 'retry-after': '2' } })
          const body = JSON.stringify({ error: { message: error.message, request_id: requestId } })
          return { status: error.status, headers: error.headers, body }
        },
      },
      { name: 'new Error() alone', role: 'beside', call: () => new Error(message) },
    ],
  }
}
