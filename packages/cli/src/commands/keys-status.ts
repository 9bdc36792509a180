import type { ApiKey, Keys } from '@lazu/core'
import type { Command } from 'commander'
import { confirm, requirePerson } from '../ask.js'
import { CommandError } from '../command-error.js'
import type { Context } from '../context.js'
import { keyJson } from '../show/key-record.js'
import { keyId } from '../values/key-id.js'

/** Adds `lazu keys disable`, `enable` and `revoke`. */
export function addKeyStatusCommands(keys: Command, context: Context): void {
  addChange(keys, context, 'disable', 'Switch a key off until it is enabled')
  addChange(keys, context, 'enable', 'Switch a disabled key on again')
  addRevoke(keys, context)
}

function addChange(
  keys: Command,
  context: Context,
  verb: 'disable' | 'enable',
  description: string,
): void {
  keys
    .command(verb)
    .argument('<id>', "the key's id", keyId('<id>'))
    .description(description)
    .addHelpText(
      'after',
      `
Example:
  $ lazu keys ${verb} key_01JD3M7Q4R5S6T7V8W9XABCDEF`,
    )
    .action(async (id: string) => {
      const service = await context.keys()
      showChange(await service[verb](id), context)
    })
}

function addRevoke(keys: Command, context: Context): void {
  keys
    .command('revoke')
    .argument('<id>', "the key's id", keyId('<id>'))
    .description('Withdraw a key for good')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
A revoked key is never enabled again. Where nobody can be asked, --yes must be given.

Examples:
  $ lazu keys revoke key_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu keys revoke key_01JD3M7Q4R5S6T7V8W9XABCDEF --yes`,
    )
    .action(async (id: string, { yes }: { readonly yes?: boolean }) => {
      const service = await context.keys()
      if (yes !== true) await askFirst(service, id, context)
      showChange(await service.revoke(id), context)
    })
}

async function askFirst(service: Keys, id: string, { surroundings }: Context): Promise<void> {
  requirePerson(surroundings)
  const key = await service.get(id)
  if (key === undefined) {
    throw new CommandError('not_found', `There is no key with the id ${id}.`, { param: '<id>' })
  }
  await confirm(`Revoke ${key.shown}, "${key.name}" of ${key.account}, for good?`, surroundings)
}

function showChange(key: ApiKey, { output }: Context): void {
  if (output.isJson) {
    output.json({ record: keyJson(key) })
    return
  }
  output.line(`${key.id}, "${key.name}" of ${key.account}, is ${key.status}.`)
  // Its own process sees a change at once, and the command is another one.
  output.line(
    'A running server sees it when it reads the key again, within 30 s unless it was set.',
  )
}
