import { ConfigurationError } from '../lib/configuration-error.js'
import { parseAddress, parseAddressBetween } from './address.js'
import type { Address } from './address.js'
import { buildNetworkSet } from './network-set.js'
import type { NetworkSet } from './network-set.js'

/**
 * Finds out who is calling.
 *
 * @param peer the other end of the connection: `socket.remoteAddress`
 * @param forwardedFor the X-Forwarded-For header, several of them joined by commas as Node does
 * @returns undefined when it cannot be told; such a caller is to be refused, never to be taken for
 *   the proxy in between, whose address an allowlist may hold
 */
export type ClientAddressResolver = (
  peer: string | undefined,
  forwardedFor: string | undefined,
) => Address | undefined

/** A chain with more entries than this between the server and the client is nobody's proxies. */
const maxEntries = 32

const maxHops = 10

/** No address is as long as this, port and a few blanks included. */
const maxEntryLength = 128

const tab = 0x09
const space = 0x20
const colon = 0x3a
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d

const mendEverybody =
  'List the networks of your own proxies only: who trusts everybody lets anybody choose their own address.'

/**
 * Makes the function that finds the client's address behind one's own proxies.
 *
 * Each proxy appends the address it was called from to X-Forwarded-For, so the header is believed
 * from its right end, and only as far as the proxies are trusted:
 *
 * - `undefined` trusts nobody. The client is the peer.
 * - A list names the networks the proxies are in. The walk goes from the peer to the left as long as
 *   the address it stands on is trusted; the first that is not is the client. When all are trusted,
 *   the leftmost is.
 * - A number from 1 to 10 says how many proxies there are. The client is that entry counted from the
 *   right; the leftmost when there are fewer; the peer when there is no header. Only right when
 *   nobody can reach the server past the proxies, since it does not look at the peer.
 *
 * Behind a unix socket there is no peer address, so nothing can be checked against a list: use a
 * number there. With a list, or with nothing, every address behind a unix socket is undefined.
 *
 * Entries may have a port (`203.0.113.9:1234`, `[2001:db8::1]:443`). When the walk meets an entry
 * that is not an address, or more than 32 of them, the address is undefined. So it is for a header
 * that is there and empty.
 *
 * @param path where the option stands in the configuration: `trustProxies`
 * @throws ConfigurationError LAZU_CONFIG_INVALID_OPTION when it is neither a list nor a number from 1
 *   to 10, LAZU_CONFIG_INVALID_NETWORK for a wrong or empty list, LAZU_CONFIG_DANGEROUS when
 *   everybody would be trusted
 *
 * @example
 * ```
 * const resolve = createClientAddressResolver(['10.0.0.0/8'], 'trustProxies')
 * resolve('10.0.0.7', '198.51.100.1, 203.0.113.9')   // 203.0.113.9; the rest is hearsay
 * ```
 */
export function createClientAddressResolver(
  trustProxies: number | readonly string[] | undefined,
  path: string,
): ClientAddressResolver {
  if (trustProxies === undefined) return parsePeer
  if (typeof trustProxies === 'number') return behindHops(checkedHops(trustProxies, path))
  refuseOtherKinds(trustProxies, path)
  return behindNetworks(
    buildNetworkSet(trustProxies, path, {
      everybody: { allowed: false, mend: mendEverybody },
      mendEmpty: 'Name the networks of your proxies, or leave the option out to trust nobody.',
    }),
  )
}

function behindNetworks(trusted: NetworkSet): ClientAddressResolver {
  return (peer, forwardedFor) => {
    let current = parsePeer(peer)
    if (forwardedFor === undefined) return current
    let end = forwardedFor.length
    for (let read = 0; current !== undefined && trusted.has(current); read++) {
      if (end < 0) return current
      if (read === maxEntries) return undefined
      const start = startOfEntry(forwardedFor, end)
      current = start < 0 ? undefined : parseEntry(forwardedFor, start, end)
      end = start - 1
    }
    return current
  }
}

function behindHops(hops: number): ClientAddressResolver {
  return (peer, forwardedFor) => {
    if (forwardedFor === undefined) return parsePeer(peer)
    let current: Address | undefined
    let end = forwardedFor.length
    for (let read = 0; read < hops && end >= 0; read++) {
      const start = startOfEntry(forwardedFor, end)
      current = start < 0 ? undefined : parseEntry(forwardedFor, start, end)
      if (current === undefined) return undefined
      end = start - 1
    }
    return current
  }
}

/** The peer's address without its zone: `fe80::1%eth0` says which link, not who. */
function parsePeer(peer: string | undefined): Address | undefined {
  if (peer === undefined) return undefined
  const zone = peer.indexOf('%')
  return zone < 0 ? parseAddress(peer) : parseAddressBetween(peer, 0, zone)
}

/** Where the entry begins that ends just before `end`; -1 when it is too long to be an address. */
function startOfEntry(header: string, end: number): number {
  // By hand and not by lastIndexOf, which would search a header without commas to its beginning.
  const earliest = Math.max(0, end - maxEntryLength)
  let start = end
  while (start > earliest && header.charCodeAt(start - 1) !== comma) start--
  return start === 0 || header.charCodeAt(start - 1) === comma ? start : -1
}

/** Reads one entry: an address, perhaps with spaces and tabs around it, perhaps with a port. */
function parseEntry(header: string, from: number, to: number): Address | undefined {
  let start = from
  let end = to
  while (start < end && isBlank(header.charCodeAt(start))) start++
  while (end > start && isBlank(header.charCodeAt(end - 1))) end--
  if (header.charCodeAt(start) === openBracket) return parseBracketed(header, start + 1, end)
  const port = startOfPort(header, start, end)
  if (port < 0) return parseAddressBetween(header, start, end)
  return isPort(header, port, end) ? parseAddressBetween(header, start, port - 1) : undefined
}

/** Reads `2001:db8::1]` or `2001:db8::1]:443`, the bracket before it being read. */
function parseBracketed(header: string, start: number, end: number): Address | undefined {
  let close = start
  let hasColon = false
  for (; close < end && header.charCodeAt(close) !== closeBracket; close++) {
    if (header.charCodeAt(close) === colon) hasColon = true
  }
  // Only IPv6 stands in brackets (RFC 3986, section 3.2.2).
  if (close === end || !hasColon) return undefined
  const after = close + 1
  if (after < end) {
    if (header.charCodeAt(after) !== colon || !isPort(header, after + 1, end)) return undefined
  }
  return parseAddressBetween(header, start, close)
}

/** Where the port begins, which is after the only colon there is; -1 with none or several. */
function startOfPort(header: string, start: number, end: number): number {
  let port = -1
  for (let at = start; at < end; at++) {
    if (header.charCodeAt(at) !== colon) continue
    if (port >= 0) return -1
    port = at + 1
  }
  return port
}

function isPort(header: string, start: number, end: number): boolean {
  if (start === end || end - start > 5) return false
  let port = 0
  for (let at = start; at < end; at++) {
    const digit = header.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
  }
  return port <= 65_535
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}

function checkedHops(hops: number, path: string): number {
  if (Number.isInteger(hops) && hops >= 1 && hops <= maxHops) return hops
  throw new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    path,
    `is ${hops}, which is no number of proxies: that is a whole number from 1 to ${maxHops}`,
    'Count the proxies a request comes through, or leave the option out to trust nobody.',
  )
}

/** Says what is right to somebody who is used to another framework's `trust proxy`. */
function refuseOtherKinds(given: unknown, path: string): void {
  if (Array.isArray(given)) return
  if (given === true || given === '*' || given === 'all') {
    throw new ConfigurationError(
      'LAZU_CONFIG_DANGEROUS',
      path,
      `is ${JSON.stringify(given)}, which would trust everybody`,
      mendEverybody,
    )
  }
  throw new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    path,
    'is neither a list of networks nor a number of proxies',
    'Write a list, such as ["10.0.0.0/8"], or leave the option out to trust nobody.',
  )
}
