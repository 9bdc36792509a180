import { CommanderError } from 'commander'
import { CommandError, exitCodes, type ExitCode } from './command-error.js'
import {
  createContext,
  type GlobalOptions,
  type OwnedContext,
  type Surroundings,
} from './context.js'
import { reportOf } from './error-report.js'
import { harmlessJson } from './harmless.js'
import { createProgram } from './program.js'

/**
 * Runs the command to its end, stores closed.
 *
 * @param argv the arguments, without the names of Node and of the command
 * @returns the code for the process to end with: 0 done, 1 it could not be done, 2 used wrongly,
 *   3 the configuration or a store cannot be used
 */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const context = createContext(surroundings, () => program.opts<GlobalOptions>())
  const program = createProgram(context)
  let exitCode: ExitCode = exitCodes.done
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    exitCode = tell(error, context)
  }
  try {
    await context.close()
  } catch (error) {
    const closing = tell(error, context)
    if (exitCode === exitCodes.done) exitCode = closing
  }
  return exitCode === exitCodes.done ? context.exitCode : exitCode
}

/** Says what went wrong, and gives the code to end with. */
function tell(error: unknown, { output, surroundings }: OwnedContext): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done
    // It is thrown when a command is missing, with the help shown in the place of a message.
    if (error.code === 'commander.help' && !output.isJson) return exitCodes.usage
  }
  const { code, message, param } = reportOf(error)
  if (output.isJson) {
    const report = { error: { code, message, param: param ?? null } }
    surroundings.stderr.write(`${harmlessJson(report)}\n`)
  } else {
    output.warn(`error: ${message}`)
  }
  if (surroundings.env['LAZU_DEBUG'] === '1' && error instanceof Error) {
    for (const line of (error.stack ?? '').split('\n')) output.warn(line)
  }
  return new CommandError(code, message).exitCode
}
