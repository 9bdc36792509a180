import { exitCodes, type ExitCode } from './command-error.js'
import { run } from './run.js'

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

const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd() })

// What a configuration left open must not keep the command from ending. What was written is awaited,
// and so is its failure, which is told later than the write is done.
stdout.write('', () => stderr.write('', () => setImmediate(end)))

function end(): void {
  process.exit(code === exitCodes.done ? writing : code)
}
