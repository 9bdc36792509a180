import { once } from 'node:events'
import type { Server } from 'node:http'
import { isIPv6 } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Command } from 'commander'
import { CommandError } from '../command-error.js'
import type { ServeOptions } from '../config.js'
import type { Context } from '../context.js'
import { errorText } from '../error-report.js'
import { wholeNumber } from '../values/whole-number.js'

const idleCheckMs = 20

/** Adds `lazu serve`. */
export function addServeCommand(program: Command, context: Context): void {
  program
    .command('serve')
    .description('Start the server of the configuration')
    .option(
      '--port <port>',
      'the port to listen on; 0 for any',
      wholeNumber('--port', { least: 0, most: 65_535 }),
    )
    .option('--host <host>', 'the address to listen on')
    .addHelpText(
      'after',
      `
Ctrl-C, or SIGTERM, lets the requests that run finish, and closes the stores; a second one ends it
at once.

Examples:
  $ lazu serve
  $ lazu serve --port 8080 --host 127.0.0.1`,
    )
    .action(async ({ port, host }: Partial<ServeOptions>) => {
      const { output } = context
      const server = await start({ port, host }, context)
      const url = addressOf(server)
      if (output.isJson) output.json({ url })
      else output.line(`Listening on ${url}`)
      await closing(server)
    })
}

async function start(options: ServeOptions, context: Context): Promise<Server> {
  const { serve } = await context.config()
  if (serve === undefined) {
    throw new CommandError(
      'configuration',
      `${await context.configFile()} has no serve. ` +
        'Give a function that starts the server, serve: ({ port = 3000 }) => app.listen(port).',
    )
  }
  try {
    const server: unknown = await serve(options)
    if (!isServer(server)) {
      throw new TypeError('serve gave no server. Return what listen() of node:http or app returned')
    }
    // What listen() returns at once does not listen yet, and may never.
    if (!server.listening) await once(server, 'listening')
    return server
  } catch (error) {
    throw new CommandError('refused', `The server does not start: ${errorText(error)}`, {
      cause: error,
    })
  }
}

function isServer(value: unknown): value is Server {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['address', 'close', 'once'].every((name) => typeof Reflect.get(value, name) === 'function')
  )
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null) return 'nothing'
  if (typeof address === 'string') return address
  const everywhere = address.address === '::' || address.address === '0.0.0.0'
  const host = isIPv6(address.address) ? `[${address.address}]` : address.address
  return `http://${everywhere ? 'localhost' : host}:${address.port}`
}

/** Waits for a signal, or for the server to be closed by somebody else, and then for its end. */
async function closing(server: Server): Promise<void> {
  const closed = once(server, 'close')
  let idle: NodeJS.Timeout | undefined
  const close = (): void => {
    process.off('SIGINT', close)
    process.off('SIGTERM', close)
    server.close()
    // Connections that wait for another request would keep it open for seconds.
    idle ??= setInterval(() => server.closeIdleConnections(), idleCheckMs)
  }
  process.on('SIGINT', close)
  process.on('SIGTERM', close)
  try {
    await closed
    // The charges of requests that were cut off come right after their connections are gone.
    await nextTurn()
  } finally {
    clearInterval(idle)
    process.off('SIGINT', close)
    process.off('SIGTERM', close)
  }
}
