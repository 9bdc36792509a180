import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

// A key is `<prefix><secret><checksum>`. The checksum is there for people who mistype a key: such a
// key is refused without asking anybody. It is no protection against forgery.
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretLength = 32
const checksumLength = 6
const tailLength = secretLength + checksumLength

/** How much of a checksum tells that a string is one of our keys, cut off. */
const fewestChecksumLetters = 4

/** The shortest key that can be taken over from elsewhere, in characters. One made here is longer. */
export const minimumKeyLength = 16

/** The longest string that is taken for a key at all, in characters. */
export const maximumKeyLength = 512

/** The shortest key of which the last four characters are shown. */
const minimumShownLength = 12

/**
 * What a string that was sent as a key looks like: a well-formed key with our prefix, a key made
 * elsewhere, or nothing that can be a key.
 */
export type KeyForm = 'ours' | 'foreign' | 'malformed'

/**
 * Makes a new key: the prefix, 32 random characters of base62 (190 bits) and a checksum of six.
 *
 * @example `generateKey('sk-lazu-')` is `sk-lazu-` and 38 more characters
 */
export function generateKey(prefix: string): string {
  const length = prefix.length + secretLength
  let text = prefix
  while (text.length < length) {
    for (const byte of randomBytes(secretLength + 8)) {
      // Six bits give 0 to 63; taking 62 and 63 modulo 62 would favour two characters.
      const index = byte & 63
      if (index < alphabet.length) text += alphabet.charAt(index)
      if (text.length === length) break
    }
  }
  return text + checksum(text)
}

/**
 * Tells what a string looks like, in time bounded by 512 characters, without any look-up.
 *
 * `malformed`: empty, longer than 512 characters, with anything outside visible ASCII, or one of our
 * keys with a mistake in it. That is told by more than the prefix, with which a key may begin that
 * was made elsewhere, or here when the prefix was a longer one:
 *
 * - the prefix, the length and the characters are those of our keys, and the checksum does not fit;
 * - the length and the checksum are those of our keys, and the prefix is not: it is mistyped;
 * - a key of ours and something behind it, or without one or two characters of its checksum;
 * - the prefix, and less behind it than any key has.
 */
export function keyForm(text: string, prefix: string): KeyForm {
  if (text.length === 0 || text.length > maximumKeyLength || !isVisibleAscii(text)) {
    return 'malformed'
  }
  const hasPrefix = text.startsWith(prefix)
  if (hasPrefix && text.length < minimumKeyLength) return 'malformed'
  const fits = hasChecksum(text, prefix)
  if (text.length === prefix.length + tailLength) {
    if (hasPrefix && fits) return 'ours'
    return fits || (hasPrefix && isBase62From(text, prefix.length)) ? 'malformed' : 'foreign'
  }
  return hasPrefix && fits ? 'malformed' : 'foreign'
}

/**
 * What people are shown of a key: its prefix and its last four characters, `sk-lazu-…abcd`. Of a
 * key made elsewhere only the last four, and nothing when it is shorter than 12 or malformed.
 */
export function shownForm(text: string, prefix: string): string {
  const form = keyForm(text, prefix)
  if (form === 'malformed' || text.length < minimumShownLength) return '…'
  return `${form === 'ours' ? prefix : ''}…${text.slice(-4)}`
}

/** Six base62 characters, the most significant first: 62 ** 6 is more than a CRC32 can be. */
function checksum(text: string): string {
  let rest = crc32(text)
  let result = ''
  for (let index = 0; index < checksumLength; index++) {
    result = alphabet.charAt(rest % alphabet.length) + result
    rest = Math.floor(rest / alphabet.length)
  }
  return result
}

/**
 * Whether the checksum of one of our keys stands where they have it, or the most of it where a string
 * ends. It covers the prefix. By chance a string has the whole of it once in four billion times, and
 * four characters once in fifteen million.
 */
function hasChecksum(text: string, prefix: string): boolean {
  const start = prefix.length + secretLength
  const found = text.slice(start, start + checksumLength)
  if (found.length < fewestChecksumLetters) return false
  return checksum(prefix + text.slice(prefix.length, start)).startsWith(found)
}

function isBase62From(text: string, start: number): boolean {
  for (let index = start; index < text.length; index++) {
    if (!isBase62(text.charCodeAt(index))) return false
  }
  return true
}

function isVisibleAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x21 || code > 0x7e) return false
  }
  return true
}

function isBase62(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  )
}
