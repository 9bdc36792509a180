import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import type { ApiKey } from '../keys/api-key.js'
import type { Keys } from '../keys/keys.js'
import type { Clock } from '../lib/clock.js'
import { whenDone } from '../lib/when-done.js'
import { TokenBucketMemory } from '../limits/token-bucket.js'
import { addressGroup } from '../net/address.js'
import type { Guard } from '../pipeline.js'
import { hasMethods } from '../lib/has-methods.js'
import { credentialOf } from './credential.js'

/** How keys are asked for. */
export interface ApiKeyOptions {
  /** The keys, as `createKeys()` gives them. */
  keys: Keys
  /**
   * How many bad keys an address (IPv6: a /64) may send a minute before it is told to wait; 60
   * unless given. Good keys are never held up by it.
   */
  badKeysPerMinute?: number | undefined
  /** How many addresses that sent bad keys are remembered at most; 100,000 unless given. */
  rememberedAddresses?: number | undefined
}

/** The members of ApiKeyOptions. */
export const apiKeyShape = {
  keys: z.custom<Keys>(hasMethods('identify', 'create'), 'Give what createKeys() returned'),
  badKeysPerMinute: z.int().min(1).optional(),
  rememberedAddresses: z.int().min(1).optional(),
}

/**
 * Lets in who has a key: fills `exchange.key`, or refuses with 401 or 403. Nothing is told about a
 * key whose secret did not match.
 */
export function apiKeyGuard(options: ApiKeyOptions, clock: Clock): Guard {
  const { keys } = options
  const badKeys = new TokenBucketMemory({
    points: options.badKeysPerMinute ?? 60,
    maxKeys: options.rememberedAddresses ?? 100_000,
    clock,
  })

  /** The key of a request, or why it has none. */
  function keyOf(exchange: Exchange): ReturnType<Keys['identify']> {
    try {
      const secret = credentialOf(exchange)
      return secret === undefined ? new GatewayError('api_key_missing') : keys.identify(secret)
    } catch (error) {
      if (GatewayError.is(error)) return error
      throw error
    }
  }

  function decide(exchange: Exchange, found: ApiKey | GatewayError): void | GatewayError {
    const { health } = keys
    if (health?.isFailing === true) exchange.announceDegraded(health.name)
    if (GatewayError.is(found)) return refusal(exchange, found)
    exchange.key = found
  }

  function refusal(exchange: Exchange, error: GatewayError): GatewayError {
    if (!isBadKey(error)) return error
    const { address } = exchange
    const group = address === undefined ? 'unknown' : addressGroup(address)
    const waitMs = badKeys.take(group, 1, clock.monotonicMs())
    if (waitMs === 0) return error
    return new GatewayError('request_rate_limited', {
      message: 'Too many requests with a bad API key from this address.',
      retryAfterMs: waitMs,
    })
  }

  return {
    name: 'api-key',
    phase: 'head',
    enter(exchange) {
      return whenDone(
        () => keyOf(exchange),
        (found) => decide(exchange, found),
      )
    },
  }
}

/** A key that will not get better by trying again, as opposed to none, or a store that is away. */
function isBadKey(error: GatewayError): boolean {
  switch (error.condition) {
    case 'api_key_invalid':
    case 'api_key_revoked':
    case 'api_key_disabled':
    case 'api_key_expired':
      return true
    default:
      return false
  }
}
