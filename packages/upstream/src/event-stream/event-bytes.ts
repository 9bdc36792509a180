const lineFeed = 0x0a
const carriageReturn = 0x0d
const firstNonAscii = 0x80

/** What a comment begins with. */
export const colon = 0x3a

/** The first byte that ends no line; undefined when there is none. */
export function firstOf(unit: Buffer): number | undefined {
  for (const byte of unit) {
    if (byte !== lineFeed && byte !== carriageReturn) return byte
  }
  return undefined
}

/** Whether a chunk begins with the name of a field: neither with a comment, nor a byte order mark. */
export function beginsWithField(chunk: Buffer): boolean {
  const first = chunk[0] ?? lineFeed
  return first > colon && first < firstNonAscii
}

/** Whether a chunk ends with a blank line, in the two ways that occur. */
export function endsWithEvent(chunk: Buffer): boolean {
  const { length } = chunk
  if (chunk[length - 1] !== lineFeed) return false
  if (chunk[length - 2] === lineFeed) return true
  return chunk[length - 2] === carriageReturn && chunk[length - 3] === lineFeed
}
