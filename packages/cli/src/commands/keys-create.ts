import type { Keys, MadeKey } from '@lazu/core'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { keysAreInMemory, memoryWarning } from '../in-memory.js'
import type { Output } from '../output.js'
import { keyFacts, keyJson } from '../show/key-record.js'
import { addKeyOptions, newKey, type KeyOptions } from './key-options.js'

/** Adds `lazu keys create`. */
export function addCreateKey(keys: Command, context: Context): void {
  addKeyOptions(keys.command('create'))
    .description('Make a key, and show it this once')
    .addHelpText(
      'after',
      `
The key is shown now and never again: what is stored is a digest.

Examples:
  $ lazu keys create --account acme --name production --rpm 600 --cap-month 250
  $ lazu keys create --account acme --name ci --expires 30d --model gpt-5-mini
  $ lazu keys create --account acme --name office --allow 203.0.113.0/24 --metadata team=search
  $ lazu keys create --account acme --name app --json | jq -r .key`,
    )
    .action(async (options: KeyOptions) => {
      const service = await context.keys()
      showMade(await service.create(newKey(options)), service, context.output)
    })
}

/** Shows a key that was just made: the one time its secret is shown. */
export function showMade({ key, record }: MadeKey, keys: Keys, output: Output): void {
  const inMemory = keysAreInMemory(keys)
  if (output.isJson) {
    output.json({ key, record: keyJson(record), inMemory })
    return
  }
  output.line(key)
  output.line()
  output.line('This is the only time the key is shown. Keep it where secrets are kept.')
  output.line()
  output.facts(keyFacts(record))
  if (inMemory) output.warn(memoryWarning('keys'))
}
