import { CommanderError, type Command } from 'commander'
import { CommandError, exitCodes, type ExitCode } from './command-error.js'
import {
  createContext,
  type GlobalOptions,
  type OwnedContext,
  type Surroundings,
} from './context.js'
import { errorText, reportOf, stackOf } from './error-report.js'
import { harmlessJson } from './harmless.js'
import { createProgram } from './program.js'

/** A command that runs, and what only its process can notice of it. */
export interface Run {
  /** The code for the process to end with, once the stores are closed. */
  readonly ended: Promise<ExitCode>
  /** Tells an error that nobody waited for: a configuration's timer, or client, threw it. */
  readonly lateError: (error: unknown) => ExitCode
  /** Tells that nothing is left to happen, and the command still waits. */
  readonly neverEnds: () => ExitCode
}

/**
 * Runs the command to its end, stores closed.
 *
 * @param argv the arguments, without the names of Node and of the command
 * @returns the code for the process to end with: 0 done, 1 it could not be done, 2 used wrongly,
 *   3 the configuration or a store cannot be used
 */
export function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  return start(argv, surroundings).ended
}

/** Starts the command, as {@link run} does, for a process that has more to tell of it. */
export function start(argv: readonly string[], surroundings: Surroundings): Run {
  const context = createContext(surroundings, () => program.opts<GlobalOptions>())
  const program = createProgram(context)
  const fail = (message: string, cause?: unknown): ExitCode =>
    tell(new CommandError('configuration', message, { cause }), context)
  return {
    ended: end(argv, program, context),
    lateError: (error) =>
      fail(
        'The configuration, or a store or server of it, threw an error where nobody waits for one: ' +
          errorText(error),
        error,
      ),
    neverEnds: () => fail(waits[context.waitingFor]),
  }
}

const waits = {
  configuration:
    'The configuration cannot be loaded: its promise is never settled, and nothing is left to settle it.',
  command:
    'A promise of the configuration, or of a store or server of it, is never settled, and nothing is ' +
    'left to settle it.',
  close:
    "The configuration's close() never ends: its promise is never settled. " +
    'Whatever the command has printed is done.',
} as const satisfies Record<OwnedContext['waitingFor'], string>

async function end(
  argv: readonly string[],
  program: Command,
  context: OwnedContext,
): Promise<ExitCode> {
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
    for (const line of stackOf(error)) output.warn(line)
  }
  return new CommandError(code, message).exitCode
}
