import type { Command } from 'commander'
import { readSecret } from '../ask.js'
import type { Context } from '../context.js'
import { keysAreInMemory, memoryWarning } from '../in-memory.js'
import { keyFacts, keyJson } from '../show/key-record.js'
import { addKeyOptions, newKey, type KeyOptions } from './key-options.js'

/** Adds `lazu keys import`. */
export function addImportKey(keys: Command, context: Context): void {
  addKeyOptions(keys.command('import'))
    .description('Take over a key made elsewhere, read from stdin')
    .addHelpText(
      'after',
      `
The key is read from stdin, or asked for without being shown. It is never an argument: arguments
stay in the shell's history, and every user of the machine sees them in the list of processes.

Examples:
  $ lazu keys import --account acme --name legacy
  $ lazu keys import --account acme --name legacy < key.txt
  $ pass show acme/key | lazu keys import --account acme --name legacy --json`,
    )
    .action(async (options: KeyOptions) => {
      const { output, surroundings } = context
      const service = await context.keys()
      const secret = await readSecret('Key (not shown): ', surroundings)
      const record = await service.import(secret, newKey(options))
      const inMemory = keysAreInMemory(service)
      if (output.isJson) {
        output.json({ record: keyJson(record), inMemory })
        return
      }
      output.facts(keyFacts(record))
      if (inMemory) output.warn(memoryWarning('keys'))
    })
}
