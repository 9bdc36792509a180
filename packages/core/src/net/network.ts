import { ConfigurationError } from '../lib/configuration-error.js'
import { formatAddress, parseAddress } from './address.js'
import type { Address } from './address.js'

/** 128 bits as four unsigned 32-bit numbers. An IPv4 address is the last of them, after zeros. */
export type Words = readonly [number, number, number, number]

/** The addresses of one rule, the first and the last included. */
export interface Network {
  readonly family: 4 | 6
  readonly first: Words
  readonly last: Words
}

/** What to say to somebody whose rule lets everybody in, and whether to say it. */
export interface EverybodyPolicy {
  /** Whether a rule may hold every address there is. */
  readonly allowed: boolean
  /** What would be right, when it may not. */
  readonly mend: string
}

const anExample =
  'Write an address or a network, such as "203.0.113.9", "10.0.0.0/8" or "2001:db8::/32"'

/**
 * Reads one rule: an address, or a network in CIDR notation (RFC 4632, section 3.1; RFC 4291, section
 * 2.3). A network of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is the IPv4 network.
 *
 * @param path where the rule stands in the configuration: `allow[2]`
 * @throws ConfigurationError LAZU_CONFIG_INVALID_NETWORK when the rule is not a network, also when its
 *   address lies inside the network and does not begin it; LAZU_CONFIG_DANGEROUS when it holds every
 *   address, or does to other readers (`::ffff:10.0.0.0/8`)
 */
export function parseNetwork(rule: unknown, path: string, everybody: EverybodyPolicy): Network {
  if (typeof rule !== 'string') {
    throw invalid(path, `is ${rule === null ? 'null' : typeof rule}, not a text`, `${anExample}.`)
  }
  const slash = rule.indexOf('/')
  const addressText = slash < 0 ? rule : rule.slice(0, slash)
  const address = parseAddress(addressText)
  if (address === undefined) {
    throw invalid(path, `is ${shown(rule)}, which is no address and no network`, `${anExample}.`)
  }
  const width = addressText.includes(':') ? 128 : 32
  const prefix = slash < 0 ? width : parsePrefix(rule, slash + 1, width, path)
  // The mapped addresses are the last 32 of 128 bits.
  const bits = address.family === 4 && width === 128 ? prefix - 96 : prefix
  if (bits < 0) {
    throw dangerous(
      path,
      `is ${shown(rule)}: a network of IPv4-mapped addresses with a prefix under 96 holds every IPv4 address`,
      `Write the IPv4 network, such as "10.0.0.0/8" for "::ffff:10.0.0.0/104".`,
    )
  }
  if (bits === 0 && !everybody.allowed) {
    throw dangerous(
      path,
      `is ${shown(rule)}: that is every IPv${address.family} address`,
      everybody.mend,
    )
  }
  return networkAround(address, bits, rule, path)
}

function networkAround(address: Address, bits: number, rule: string, path: string): Network {
  const words: Words = address.family === 4 ? [0, 0, 0, address.value] : address.words
  const ones = address.family === 4 ? bits + 96 : bits
  const first: Words = [
    (words[0] & mask(ones)) >>> 0,
    (words[1] & mask(ones - 32)) >>> 0,
    (words[2] & mask(ones - 64)) >>> 0,
    (words[3] & mask(ones - 96)) >>> 0,
  ]
  if (compareWords(first, words) !== 0) {
    const begin = formatAddress(
      address.family === 4 ? { family: 4, value: first[3] } : { family: 6, words: first },
    )
    throw invalid(
      path,
      `is ${shown(rule)}, an address inside the network and not where it begins`,
      `Write "${begin}/${bits}" for the network, or "${formatAddress(address)}" for the one address.`,
    )
  }
  const last: Words = [
    (first[0] | ~mask(ones)) >>> 0,
    (first[1] | ~mask(ones - 32)) >>> 0,
    (first[2] | ~mask(ones - 64)) >>> 0,
    (first[3] | ~mask(ones - 96)) >>> 0,
  ]
  return { family: address.family, first, last }
}

/** A word whose first `ones` bits are set; none below 0, all above 32. */
function mask(ones: number): number {
  // Shifting by 32 shifts by 0 in JavaScript.
  if (ones <= 0) return 0
  return ones >= 32 ? 0xffffffff : (0xffffffff << (32 - ones)) >>> 0
}

function parsePrefix(rule: string, start: number, width: 32 | 128, path: string): number {
  const text = rule.slice(start)
  const prefix = isDecimal(text) ? Number(text) : -1
  if (prefix < 0 || prefix > width) {
    const [name, example] = width === 32 ? ['IPv4', '10.0.0.0/8'] : ['IPv6', '2001:db8::/32']
    throw invalid(
      path,
      `is ${shown(rule)}: a prefix of an ${name} network is 0 to ${width}`,
      `Write "${example}", for instance.`,
    )
  }
  if (text !== String(prefix)) {
    throw invalid(
      path,
      `is ${shown(rule)}: a prefix has no leading zeros`,
      `Write "${rule.slice(0, start)}${prefix}".`,
    )
  }
  return prefix
}

function isDecimal(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x30 || code > 0x39) return false
  }
  return text.length > 0
}

/** Less than 0, 0 or more than 0, as a sort wants it. */
export function compareWords(left: Words, right: Words): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2] || left[3] - right[3]
}

/** A rule as a message shows it: quoted, and no longer than a line. */
function shown(rule: string): string {
  return JSON.stringify(rule.length > 60 ? `${rule.slice(0, 60)}…` : rule)
}

function invalid(path: string, problem: string, mend: string): ConfigurationError {
  return new ConfigurationError('LAZU_CONFIG_INVALID_NETWORK', path, problem, mend)
}

function dangerous(path: string, problem: string, mend: string): ConfigurationError {
  return new ConfigurationError('LAZU_CONFIG_DANGEROUS', path, problem, mend)
}
