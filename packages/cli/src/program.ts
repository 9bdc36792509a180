import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { addAccountsCommands } from './commands/accounts.js'
import { addDoctorCommand } from './commands/doctor.js'
import { addKeysCommands } from './commands/keys.js'
import { addServeCommand } from './commands/serve.js'
import { addTraceCommand } from './commands/trace.js'
import type { Context } from './context.js'

const examples = `
The configuration is lazu.config.ts, .js or .mjs in this folder, or what --config names.

Exit codes: 0 done, 1 it could not be done, 2 used wrongly, 3 the configuration or a store cannot be
used.

Examples:
  $ lazu keys create --account acme --name production
  $ lazu accounts credit acme 250 --reference invoice-2026-001
  $ lazu accounts usage acme --by model
  $ lazu trace req_lazu_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu doctor`

/** The whole command. Nothing in it ends the process: errors in how it is used are thrown. */
export function createProgram(context: Context): Command {
  const { stdout, stderr } = context.surroundings
  const program = new Command('lazu')
    .description('Keys, accounts and requests of a gateway, and a check of all of it')
    .version(version(), '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help')
    .option('--config <path>', 'the configuration file')
    .option('--json', 'write JSON, for programs')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // A program gets the error as JSON, and no help before it.
      writeErr: (text) => void (context.output.isJson || stderr.write(text)),
      outputError: () => undefined,
    })
    .exitOverride()
    .addHelpText('after', examples)
  addKeysCommands(program, context)
  addAccountsCommands(program, context)
  addTraceCommand(program, context)
  addDoctorCommand(program, context)
  addServeCommand(program, context)
  return program
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
