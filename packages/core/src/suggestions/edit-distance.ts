/** The rows of the table that are needed at once, for `b` up to this length. */
const longestRow = 128

// One row for all calls: a call is over before the next one begins.
const row = new Uint8Array(longestRow + 1)

/**
 * The Levenshtein distance of two texts, as far as it is small: how many characters (UTF-16 code
 * units) must be put in, taken out or replaced to make one from the other. Only the cells of the
 * table within `most` of its diagonal are computed, and it stops as soon as none of them can lead to
 * an answer: at most `(2 * most + 1) * a.length` steps.
 *
 * @param most the largest distance of interest, from 0 to 100
 * @returns undefined when the distance is more than `most`, or a text is longer than 128
 *
 * @example `editDistance('gpt5', 'gtp5', 3) // 2`
 */
export function editDistance(a: string, b: string, most: number): number | undefined {
  if (Math.abs(a.length - b.length) > most) return undefined
  if (a.length > longestRow || b.length > longestRow) return undefined
  // What two names begin and end with in common costs nothing: model names share much.
  const start = commonStart(a, b)
  const end = commonEnd(a, b, start)
  return bandedDistance(a, b, start, a.length - end, b.length - end, most)
}

function commonStart(a: string, b: string): number {
  let index = 0
  while (index < a.length && a.charCodeAt(index) === b.charCodeAt(index)) index++
  return index
}

function commonEnd(a: string, b: string, start: number): number {
  const longest = Math.min(a.length, b.length) - start
  let length = 0
  while (
    length < longest &&
    a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)
  ) {
    length++
  }
  return length
}

/** The distance of `a` from `start` to `endOfA`, and of `b` from `start` to `endOfB`. */
function bandedDistance(
  a: string,
  b: string,
  start: number,
  endOfA: number,
  endOfB: number,
  most: number,
): number | undefined {
  const rows = endOfA - start
  const columns = endOfB - start
  const tooMany = most + 1
  // A cell right of the band holds this until the band reaches it: too many.
  for (let column = 0; column <= columns; column++) row[column] = Math.min(column, tooMany)
  for (let line = 1; line <= rows; line++) {
    const first = Math.max(1, line - most)
    const last = Math.min(columns, line + most)
    const unit = a.charCodeAt(start + line - 1)
    let diagonal = cell(first - 1)
    // The cell left of the band: the edge of the table, or one that is too far away.
    let left = first === 1 ? Math.min(line, tooMany) : tooMany
    row[first - 1] = left
    let least = left
    for (let column = first; column <= last; column++) {
      const above = cell(column)
      let steps = unit === b.charCodeAt(start + column - 1) ? diagonal : diagonal + 1
      if (above < steps) steps = above + 1
      if (left < steps) steps = left + 1
      left = steps < tooMany ? steps : tooMany
      row[column] = left
      if (left < least) least = left
      diagonal = above
    }
    if (least > most) return undefined
  }
  const distance = cell(columns)
  return distance > most ? undefined : distance
}

function cell(column: number): number {
  return row[column] ?? longestRow
}
