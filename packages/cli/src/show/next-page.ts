/**
 * How to get the next page, for people to copy.
 *
 * @param words the command's words behind `lazu`
 */
export function nextPage(words: readonly string[]): string {
  return `Next page: lazu ${words.map(shellWord).join(' ')}`
}

/** A word as a POSIX shell takes it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
