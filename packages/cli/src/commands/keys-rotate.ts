import type { Command } from 'commander'
import type { Context } from '../context.js'
import { keyId } from '../values/key-id.js'
import { showMoment } from '../show/moment.js'
import { grace } from '../values/time.js'
import { showMade } from './keys-create.js'

const dayMs = 86_400_000

/** Adds `lazu keys rotate`. */
export function addRotateKey(keys: Command, context: Context): void {
  keys
    .command('rotate')
    .argument('<id>', "the key's id", keyId('<id>'))
    .description('Give a key a new secret, and show it this once')
    .addOption(
      keys
        .createOption('--grace <duration>', 'how long the old secret goes on working; 0 for not')
        .argParser(grace)
        .default(dayMs, '24h'),
    )
    .addHelpText(
      'after',
      `
Both secrets work until the grace is over, then only the new one. A secret that still works from
an earlier rotation stops at once.

Examples:
  $ lazu keys rotate key_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu keys rotate key_01JD3M7Q4R5S6T7V8W9XABCDEF --grace 7d
  $ lazu keys rotate key_01JD3M7Q4R5S6T7V8W9XABCDEF --grace 0`,
    )
    .action(async (id: string, options: { readonly grace: number }) => {
      const { output } = context
      const service = await context.keys()
      const made = await service.rotate(id, { graceMs: options.grace })
      showMade(made, service, output)
      if (output.isJson) return
      const { rotation } = made.record
      output.line()
      output.line(
        rotation === undefined
          ? 'The old key does not work any more.'
          : `The old key works until ${showMoment(rotation.untilMs)}.`,
      )
    })
}
