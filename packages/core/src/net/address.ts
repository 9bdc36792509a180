/**
 * An IP address as numbers. An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
 */
export type Address =
  | { readonly family: 4; readonly value: number }
  | { readonly family: 6; readonly words: readonly [number, number, number, number] }

/** As long as an address can be: eight groups of four digits, the last two as an IPv4 address. */
const longestAddress = 45

const dot = 0x2e
const colon = 0x3a

/**
 * The 16-bit groups of the address being read. One array serves all: reading never waits, so no two
 * addresses are read at once.
 */
const groups = new Uint16Array(8)

/**
 * Reads an address as strictly as `isIP` of `node:net`, zone ids (`fe80::1%eth0`) refused: no spaces,
 * no leading zeros in a dotted quad, no short, octal or hexadecimal forms of IPv4.
 *
 * An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), however written, is the IPv4 address; the
 * older IPv4-compatible form (`::10.0.0.1`, section 2.5.5.1) is not.
 *
 * @returns undefined when the text is not an address
 *
 * @example
 * ```
 * parseAddress('10.0.0.1')         // { family: 4, value: 0x0a000001 }
 * parseAddress('::ffff:a00:1')     // the same
 * parseAddress('010.0.0.1')        // undefined
 * ```
 */
export function parseAddress(text: string): Address | undefined {
  return parseAddressBetween(text, 0, text.length)
}

/** What `parseAddress` does, for the part of a text from `start` up to and without `end`. */
export function parseAddressBetween(text: string, start: number, end: number): Address | undefined {
  if (end - start > longestAddress) return undefined
  const value = parseVersion4(text, start, end)
  return value < 0 ? parseVersion6(text, start, end) : { family: 4, value }
}

/** The 32-bit value of a dotted quad, or -1. */
function parseVersion4(text: string, start: number, end: number): number {
  let value = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === dot) {
      if (digits === 0 || dots === 3) return -1
      value = value * 256 + octet
      octet = 0
      digits = 0
      dots++
      continue
    }
    const digit = code - 0x30
    if (digit < 0 || digit > 9) return -1
    if (digits > 0 && octet === 0) return -1
    octet = octet * 10 + digit
    digits++
    if (octet > 255) return -1
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : -1
}

function parseVersion6(text: string, start: number, end: number): Address | undefined {
  let filled = 0
  /** How many groups stand before the `::`; -1 while there was none. */
  let gap = -1
  let at = start
  if (at < end && text.charCodeAt(at) === colon) {
    if (at + 1 >= end || text.charCodeAt(at + 1) !== colon) return undefined
    gap = 0
    at += 2
  }
  while (at < end) {
    if (filled === 8) return undefined
    const groupStart = at
    let group = 0
    for (; at < end; at++) {
      const digit = hexDigit(text.charCodeAt(at))
      if (digit < 0) break
      if (at - groupStart === 4) return undefined
      group = group * 16 + digit
    }
    if (at < end && text.charCodeAt(at) === dot) {
      const value = parseVersion4(text, groupStart, end)
      if (value < 0 || filled > 6) return undefined
      groups[filled++] = value >>> 16
      groups[filled++] = value & 0xffff
      break
    }
    if (at === groupStart) return undefined
    groups[filled++] = group
    if (at === end) break
    if (text.charCodeAt(at) !== colon) return undefined
    at++
    if (at === end) return undefined
    if (text.charCodeAt(at) === colon) {
      if (gap >= 0) return undefined
      gap = filled
      at++
    }
  }
  if (gap < 0) return filled === 8 ? addressOfGroups() : undefined
  // A `::` stands for at least one group.
  if (filled === 8) return undefined
  let to = 7
  for (let from = filled - 1; from >= gap; from--, to--) groups[to] = groups[from] ?? 0
  for (; to >= gap; to--) groups[to] = 0
  return addressOfGroups()
}

function addressOfGroups(): Address {
  const first = wordOfGroups(0)
  const second = wordOfGroups(2)
  const third = wordOfGroups(4)
  const fourth = wordOfGroups(6)
  if (first === 0 && second === 0 && third === 0xffff) return { family: 4, value: fourth }
  return { family: 6, words: [first, second, third, fourth] }
}

function wordOfGroups(index: number): number {
  return (((groups[index] ?? 0) << 16) | (groups[index + 1] ?? 0)) >>> 0
}

/** The value of a hexadecimal digit by its character code, or -1. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lowerCase = code | 0x20
  return lowerCase >= 0x61 && lowerCase <= 0x66 ? lowerCase - 0x57 : -1
}

/**
 * The one canonical text of an address: a dotted quad, or IPv6 as RFC 5952, section 4 has it (lower
 * case, no leading zeros, the first of the longest runs of zero groups as `::`).
 *
 * @example
 * ```
 * formatAddress(parseAddress('2001:DB8:0:0:0::0001'))   // '2001:db8::1'
 * ```
 */
export function formatAddress(address: Address): string {
  return address.family === 4 ? formatVersion4(address.value) : formatVersion6(address.words)
}

function formatVersion4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

function formatVersion6(words: readonly [number, number, number, number]): string {
  let gapStart = -1
  // A single zero group is written out (RFC 5952, section 4.2.2).
  let gapLength = 1
  let runLength = 0
  for (let index = 0; index < 8; index++) {
    runLength = groupAt(words, index) === 0 ? runLength + 1 : 0
    if (runLength > gapLength) {
      gapLength = runLength
      gapStart = index - runLength + 1
    }
  }
  let text = ''
  for (let index = 0; index < 8; index++) {
    if (index === gapStart) {
      text += '::'
      index += gapLength - 1
      continue
    }
    if (index > 0 && index !== gapStart + gapLength) text += ':'
    text += groupAt(words, index).toString(16)
  }
  return text
}

function groupAt(words: readonly [number, number, number, number], index: number): number {
  const word = words[index >> 1] ?? 0
  return index % 2 === 0 ? word >>> 16 : word & 0xffff
}

/**
 * The name under which the stranger behind an address is counted: the IPv4 address itself, or the
 * /64 of an IPv6 address, because whoever has one address of a /64 has all of them.
 *
 * @example
 * ```
 * addressGroup(parseAddress('203.0.113.9'))       // '203.0.113.9'
 * addressGroup(parseAddress('2001:db8:1:2::9'))   // '2001:db8:1:2::/64'
 * ```
 */
export function addressGroup(address: Address): string {
  if (address.family === 4) return formatVersion4(address.value)
  const [first, second] = address.words
  return `${formatVersion6([first, second, 0, 0])}/64`
}
