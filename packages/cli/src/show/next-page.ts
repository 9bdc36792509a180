/**
 * How to get the next page, for people to copy.
 *
 * @param words the command's words behind `lazu`
 * @param config the configuration file that was named
 */
export function nextPage(words: readonly string[], config: string | undefined): string {
  const named = config === undefined ? [] : ['--config', config]
  return `Next page: lazu ${[...words, ...named].map(shellWord).join(' ')}`
}

/** A word as a POSIX shell takes it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
