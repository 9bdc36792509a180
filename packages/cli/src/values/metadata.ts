import { CommandError } from '../command-error.js'
import { quoted } from '../secrets.js'

/**
 * One more `name=value` of `--metadata`. The value may hold `=`.
 *
 * @param before what the ones before it gave
 * @throws CommandError `usage` when there is no `=`, no name, or the name was given already
 */
export function metadataEntry(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const middle = text.indexOf('=')
  const name = text.slice(0, Math.max(middle, 0))
  if (name !== '' && !Object.hasOwn(before, name)) {
    return Object.fromEntries([...Object.entries(before), [name, text.slice(middle + 1)]])
  }
  throw new CommandError(
    'usage',
    `--metadata has ${quoted(text)}. Write each name once, as team=search.`,
    { param: '--metadata' },
  )
}
