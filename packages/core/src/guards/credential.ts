import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import { keyParameterOf } from '../protocols/index.js'

/**
 * The API key a request carries: `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`, and a
 * parameter of the query where the protocol has one. Several carriers must agree. Undefined when
 * there is none.
 *
 * The scheme may be in any case and be followed by several spaces (RFC 9110, section 11.4), but not
 * by a tab.
 *
 * @throws GatewayError api_key_invalid when there is one that cannot be right: another scheme, two
 * that differ, one in a query where none belongs
 */
export function credentialOf(exchange: Exchange): string | undefined {
  let found = bearerToken(exchange)
  found = agree(found, exchange.header('x-api-key'))
  found = agree(found, exchange.header('x-goog-api-key'))
  if (exchange.query !== '') found = agree(found, queryKey(exchange, found !== undefined))
  return found === '' ? undefined : found
}

function agree(found: string | undefined, other: string | undefined): string | undefined {
  if (other === undefined) return found
  if (found !== undefined && found !== other) {
    throw new GatewayError('api_key_invalid', {
      message: 'The request carries two different API keys. Send one.',
    })
  }
  return other
}

function bearerToken(exchange: Exchange): string | undefined {
  const header = exchange.header('authorization')
  if (header === undefined) return undefined
  refuseSecondAuthorization(exchange)
  if (header === '') return undefined
  const space = header.indexOf(' ')
  const scheme = space === -1 ? header : header.slice(0, space)
  if (scheme.toLowerCase() !== 'bearer') {
    throw new GatewayError('api_key_invalid', {
      message: 'The Authorization header must be "Bearer <key>".',
    })
  }
  if (space === -1) return undefined
  let start = space
  while (header.charCodeAt(start) === 0x20) start++
  return header.slice(start)
}

/** Node shows the first of two Authorization lines only, where a proxy may have read the second. */
function refuseSecondAuthorization(exchange: Exchange): void {
  const { rawHeaders } = exchange.raw.request
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 13 && name.toLowerCase() === 'authorization') count++
  }
  if (count > 1) {
    throw new GatewayError('api_key_invalid', {
      message: 'The request carries two Authorization headers. Send one.',
    })
  }
}

/** Names under which people put keys into URLs, where logs and histories keep them. */
const leakingNames = ['key', 'api_key', 'apikey', 'api-key', 'access_token', 'token']

function queryKey(exchange: Exchange, hasOther: boolean): string | undefined {
  const parameters = new URLSearchParams(exchange.query)
  const name = keyParameterOf(exchange.protocol)
  if (name !== undefined) {
    const keys = parameters.getAll(name)
    for (const key of keys) agree(keys[0], key)
    return keys[0]
  }
  if (!hasOther && leakingNames.some((leaking) => parameters.has(leaking))) {
    throw new GatewayError('api_key_invalid', {
      message: 'Send the API key in the header "Authorization: Bearer <key>", not in the URL.',
    })
  }
  return undefined
}
