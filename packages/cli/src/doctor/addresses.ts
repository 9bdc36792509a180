import { createNetworkSet, formatAddress, parseAddress, type NetworkSet } from '@lazu/core'
import type { Answer } from './probe.js'

const path = 'addresses'
const loopback = createNetworkSet(['127.0.0.0/8', '::1'], path)
const inside = createNetworkSet(
  [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '169.254.0.0/16',
    'fc00::/7',
    'fe80::/10',
  ],
  path,
)

/** Whether an address is this machine's own, for itself only. */
export function isLoopback(address: string | undefined): boolean {
  return isIn(loopback, address)
}

/** Whether an address is of a network that the internet does not reach. */
export function isPrivate(address: string | undefined): boolean {
  return isIn(inside, address)
}

function isIn(networks: NetworkSet, address: string | undefined): boolean {
  const parsed = address === undefined ? undefined : parseAddress(address)
  return parsed !== undefined && networks.has(parsed)
}

/** An address as lazu writes it: IPv4 inside IPv6 is IPv4. */
export function canonical(address: string | undefined): string | undefined {
  const parsed = address === undefined ? undefined : parseAddress(address)
  return parsed === undefined ? undefined : formatAddress(parsed)
}

const proxyServers =
  /^(?:nginx|openresty|caddy|envoy|istio-envoy|cloudflare|apache|awselb|haproxy|traefik|varnish|litespeed)\b/i

/** The header of an answer that a proxy in front of the server put there; undefined without one. */
export function proxySign({ headers }: Answer): string | undefined {
  for (const name of ['via', 'cf-ray', 'x-amz-cf-id', 'x-served-by']) {
    const value = headers[name]
    if (value !== undefined) return `${name}: ${value.slice(0, 80)}`
  }
  const { server } = headers
  return server !== undefined && proxyServers.test(server)
    ? `server: ${server.slice(0, 80)}`
    : undefined
}

const hops = 10

/**
 * An X-Forwarded-For that was invented: ten addresses of TEST-NET-3 (RFC 5737), of which the last
 * part says the place from the right, so that it can be told which one was believed.
 */
export const inventedHops: string = Array.from(
  { length: hops },
  (_, index) => `203.0.113.${hops - index}`,
).join(', ')

/** Which of the invented addresses this is, counted from the right; undefined for any other. */
export function inventedPlace(address: string | undefined): number | undefined {
  const place = /^203\.0\.113\.(\d{1,2})$/.exec(address ?? '')?.[1]
  return place === undefined ? undefined : Number(place)
}
