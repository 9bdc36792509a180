import { exitCodes, type ExitCode } from './command-error.js'
import { start } from './run.js'

const { stdin, stdout, stderr, env } = process

let writing: ExitCode = exitCodes.done
stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe may go away when it has seen enough, as `head` does.
  if (error.code === 'EPIPE') return
  writing = exitCodes.failed
  stderr.write(`error: stdout cannot be written: ${error.message}.\n`)
})
// Nobody is left to be told.
stderr.on('error', () => undefined)

let isEnding = false
const { ended, lateError, neverEnds } = start(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
})

// A rejection that nobody handles comes here, too.
process.on('uncaughtException', (error) => {
  if (!isEnding) end(lateError(error))
})
// Node has nothing left to do, so what is waited for never comes.
process.on('beforeExit', () => {
  if (!isEnding) end(neverEnds())
})
void ended.then(end)

/**
 * Ends the process. What a configuration left open must not keep it from that. What was written is
 * awaited, and so is its failure, which is told later than the write is done.
 */
function end(code: ExitCode): void {
  if (isEnding) return
  isEnding = true
  const exit = (): void => process.exit(code === exitCodes.done ? writing : code)
  stdout.write('', () => stderr.write('', () => setImmediate(exit)))
}
