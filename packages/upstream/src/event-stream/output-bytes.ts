const quote = '"'
const backslash = 92

/**
 * How many bytes the texts have that an expression finds.
 *
 * @param text each byte of it a character
 * @param beginnings global; it ends behind the opening quote of a text
 */
export function outputBytesIn(text: string, beginnings: RegExp): number {
  let bytes = 0
  beginnings.lastIndex = 0
  while (beginnings.test(text)) {
    const start = beginnings.lastIndex
    let end = text.indexOf(quote, start)
    while (end !== -1 && isEscaped(text, end)) end = text.indexOf(quote, end + 1)
    if (end === -1) end = text.length
    bytes += end - start
    beginnings.lastIndex = end
  }
  return bytes
}

function isEscaped(text: string, index: number): boolean {
  let before = index
  while (text.charCodeAt(before - 1) === backslash) before--
  return (index - before) % 2 === 1
}
