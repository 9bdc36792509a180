import { randomFillSync } from 'node:crypto'

// https://github.com/ulid/spec: 48 bits of time and 80 random bits in Crockford's base32.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const timeLength = 10
const randomPairs = 8

// Ten random bits give two characters at once.
const pairs: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => alphabet.charAt(bits >> 5) + alphabet.charAt(bits & 31),
)

// Entropy is drawn for many ids at once: one draw costs as much as forty ids.
const pool = new Uint16Array(randomPairs * 256)
let next = pool.length

// The time's characters change once a millisecond, ids are asked for more often than that.
let lastMs = -1
let lastTime = ''

/**
 * A ULID: 26 characters that sort by time of making, to the millisecond.
 *
 * @param nowMs milliseconds since 1970
 */
export function ulid(nowMs: number): string {
  if (nowMs !== lastMs) {
    lastTime = encodeTime(nowMs)
    lastMs = nowMs
  }
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  let id = lastTime
  for (const end = next + randomPairs; next < end; next++) id += pairs[(pool[next] ?? 0) & 1023]
  return id
}

function encodeTime(nowMs: number): string {
  let rest = Math.floor(nowMs)
  let text = ''
  for (let index = 0; index < timeLength; index++) {
    text = alphabet.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}
