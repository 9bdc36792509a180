import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

// A key is `<prefix><secret><checksum>`. The checksum is there for people who mistype or cut off a
// key: such a key is refused without asking anybody. It is no protection against forgery.
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretLength = 32
const checksumLength = 6
const tailLength = secretLength + checksumLength

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
 * `malformed`: empty, longer than 512 characters, with anything outside visible ASCII, or meant to
 * be a key of ours (by its prefix, or by a checksum that fits our prefix) but not one.
 */
export function keyForm(text: string, prefix: string): KeyForm {
  if (text.length === 0 || text.length > maximumKeyLength || !isVisibleAscii(text)) {
    return 'malformed'
  }
  const hasLength = text.length === prefix.length + tailLength
  if (text.startsWith(prefix)) return hasLength && hasTail(text, prefix) ? 'ours' : 'malformed'
  // The checksum covers the prefix, so a tail that fits ours is our key with a typo in its prefix.
  return hasLength && hasTail(text, prefix) ? 'malformed' : 'foreign'
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

function hasTail(text: string, prefix: string): boolean {
  for (let index = prefix.length; index < text.length; index++) {
    if (!isBase62(text.charCodeAt(index))) return false
  }
  const secret = text.slice(prefix.length, prefix.length + secretLength)
  return text.endsWith(checksum(prefix + secret))
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
