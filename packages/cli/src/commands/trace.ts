import type { GatewayOptions } from '@lazu/core'
import type { Command } from 'commander'
import { CommandError } from '../command-error.js'
import type { Context } from '../context.js'
import { findTrace } from '../trace/find-trace.js'
import { requestId } from '../trace/request-id.js'
import { traceJson } from '../trace/trace-json.js'
import { printTrace } from '../trace/trace-report.js'

const examples = `
The id stands in each answer, in the header x-request-id and in the body of an error. What the guards
decided is known where the configuration has a requestLog; the rest comes from its ledger and keys.

Examples:
  $ lazu trace req_lazu_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu trace req_lazu_01JD3M7Q4R5S6T7V8W9XABCDEF --json`

/** Adds `lazu trace`, which tells what happened to a request. */
export function addTraceCommand(program: Command, context: Context): void {
  program
    .command('trace')
    .summary('tell what happened to a request')
    .description(
      'Tells what happened to a request: its key, what each guard decided, what was held and ' +
        'charged for it, and how it ended.',
    )
    .argument('<request-id>', 'the id the answer had in its header x-request-id', requestId)
    .addHelpText('after', examples)
    .action((id: string) => trace(context, id))
}

async function trace({ config, output }: Context, id: string): Promise<void> {
  const { gateway } = await config()
  if (gateway.requestLog === undefined && gateway.ledger === undefined) {
    throw new CommandError(
      'configuration',
      'The configuration has neither a requestLog nor a ledger, so nothing is known of any request. ' +
        'Give gateway.requestLog what the server uses, sqliteStore({ path }).requestLog for instance.',
    )
  }
  const found = await findTrace(gateway, id)
  if (found.request === undefined && found.movements.length === 0) {
    throw new CommandError('not_found', nothingFound(gateway))
  }
  if (output.isJson) output.json(traceJson(found))
  else printTrace(output, id, found, gateway)
}

/** The id is not repeated: what is not found may be a key with a prefix nobody here knows. */
function nothingFound({ requestLog, ledger }: GatewayOptions): string {
  const asked = [
    ...(requestLog === undefined ? [] : ['the request log']),
    ...(ledger === undefined ? [] : ['the ledger']),
  ].join(' and ')
  return (
    `Nothing is known of a request with this id; asked were: ${asked}. ` +
    'For how long records are kept is up to the store.'
  )
}
