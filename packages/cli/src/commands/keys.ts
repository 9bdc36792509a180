import type { Command } from 'commander'
import type { Context } from '../context.js'
import { addCreateKey } from './keys-create.js'
import { addImportKey } from './keys-import.js'
import { addListKeys, addShowKey } from './keys-read.js'
import { addRotateKey } from './keys-rotate.js'
import { addKeyStatusCommands } from './keys-status.js'

/** Adds `lazu keys` and what is below it. */
export function addKeysCommands(program: Command, context: Context): void {
  const keys = program.command('keys').description('Make, find and change API keys')
  addCreateKey(keys, context)
  addListKeys(keys, context)
  addShowKey(keys, context)
  addKeyStatusCommands(keys, context)
  addRotateKey(keys, context)
  addImportKey(keys, context)
}
