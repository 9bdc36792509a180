import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Address } from '../net/address.js'
import { createNetworkSet, type NetworkSet } from '../net/network-set.js'
import type { ApiKey } from '../keys/api-key.js'
import type { Guard } from '../pipeline.js'

/** Who may come in by address. */
export interface IpAllowlistOptions {
  /** Addresses and networks (CIDR) that may come in at all. Left out: only keys' own lists count. */
  allow?: readonly string[] | undefined
  /** Must be true when `allow` holds a network that is everybody, `0.0.0.0/0` or `::/0`. */
  allowAll?: boolean | undefined
}

/** The members of IpAllowlistOptions. */
export const ipAllowlistShape = {
  allow: z.array(z.string()).readonly().optional(),
  allowAll: z.boolean().optional(),
}

/**
 * Lets in who comes from an allowed address, by the server's list and by the key's own. Comes after
 * the key, so that nobody learns from it which keys exist. An address that cannot be told is
 * refused.
 *
 * @throws ConfigurationError for a network that is none, or is everybody
 */
export function ipAllowlistGuard(options: IpAllowlistOptions, path: string): Guard {
  const allowed =
    options.allow === undefined
      ? undefined
      : createNetworkSet(options.allow, `${path}.allow`, { allowAll: options.allowAll === true })
  // A key's list is parsed once for each record; records do not change.
  const ofKeys = new WeakMap<ApiKey, NetworkSet>()

  function networksOf(key: ApiKey, allow: readonly string[]): NetworkSet {
    const known = ofKeys.get(key)
    if (known !== undefined) return known
    const networks = createNetworkSet(allow, `key ${key.id}: allow`, { allowAll: true })
    ofKeys.set(key, networks)
    return networks
  }

  return {
    name: 'ip-allowlist',
    phase: 'head',
    enter(exchange) {
      const { key } = exchange
      const isAllowed =
        (allowed === undefined || isIn(allowed, exchange.address)) &&
        (key?.allow === undefined || isIn(networksOf(key, key.allow), exchange.address))
      if (!isAllowed) return new GatewayError('ip_not_allowed')
    },
  }
}

function isIn(networks: NetworkSet, address: Address | undefined): boolean {
  return address !== undefined && networks.has(address)
}
