import { ServerResponse, STATUS_CODES, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { checkDialect } from './dialects/check-dialect.js'
import type { Dialect } from './dialects/dialect.js'
import { dialectOf, type DialectName } from './dialects/index.js'
import { formatError } from './errors/format.js'
import { GatewayError } from './errors/gateway-error.js'
import { read } from './errors/read.js'
import type { Reply } from './exchange.js'
import { systemClock, type Clock } from './lib/clock.js'
import { newRequestId } from './request-ids.js'

/** The options of `answerClientErrors`. */
export interface ClientErrorOptions {
  /** Whose words the errors are told in; `lazu` unless given. */
  dialect?: DialectName | Dialect | undefined
  /** The time request ids are made from; the machine's own when left out. */
  clock?: Clock | undefined
}

/**
 * Answers with the envelope what Node's own parser refuses: requests that are no HTTP (400), are
 * sent too slowly (408), have too long chunk extensions (413) or too long headers (431). No
 * middleware ever sees these; Node answers them without a body, Fastify with one of its own.
 *
 * It takes the place of what listens for `clientError` on this server so far, as a second answer on
 * the same connection would be read as the answer to the next request. The connection is closed.
 * Whoever only wants to be told adds a listener afterwards.
 *
 * A Fastify that listens on `localhost` makes a server more for the other address family and shows
 * it to nobody. On that one Node answers; listen on an address, as servers in production do.
 *
 * @returns the server
 * @throws ConfigurationError for a dialect that has a mistake in it
 * @example Express and Koa:
 * ```ts
 * answerClientErrors(app.listen(3000))
 * ```
 * @example Fastify:
 * ```ts
 * const app = Fastify()
 * answerClientErrors(app.server)
 * ```
 */
export function answerClientErrors<Listening extends Server>(
  server: Listening,
  options: ClientErrorOptions = {},
): Listening {
  const { clock = systemClock } = options
  const dialect = checkDialect(dialectOf(options.dialect ?? 'lazu'), 'answerClientErrors().dialect')
  server.removeAllListeners('clientError')
  server.on('clientError', (error: Error, socket: Socket) => {
    if (mayAnswer(socket)) socket.end(responseTo(refusalOf(error), dialect, clock))
    // Node leaves the connection to whoever listens for this event, also one that was reset.
    socket.destroySoon()
  })
  return server
}

/** Whether nobody would take our answer for a part of another one. */
function mayAnswer(socket: Socket): boolean {
  if (!socket.writable) return false
  // The response this connection is on. Node keeps it here, and says so nowhere else.
  const current: unknown = Reflect.get(socket, '_httpMessage')
  return !(current instanceof ServerResponse) || !current.headersSent
}

/** By the codes of llhttp and of Node's `server.requestTimeout`. */
function refusalOf(error: Error): GatewayError {
  switch (read(error, 'code')) {
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('request_invalid', {
        status: 431,
        message: 'The headers of the request are too large.',
      })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('request_invalid', {
        status: 408,
        message: 'The request was not sent in time.',
      })
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GatewayError('body_too_large')
    default:
      return new GatewayError('request_invalid', { message: 'The request is not valid HTTP.' })
  }
}

/** A whole response as text: there is no ServerResponse for a request that could not be read. */
function responseTo(error: GatewayError, dialect: Dialect, clock: Clock): string {
  const requestId = newRequestId(dialect, clock.wallMs())
  const { status, headers, body }: Reply = formatError(error, { dialect, requestId })
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  for (const name of new Set([dialect.requestId.header, 'x-request-id', 'request-id'])) {
    lines.push(`${name}: ${requestId}`)
  }
  lines.push(`date: ${new Date(clock.wallMs()).toUTCString()}`, 'connection: close', '', body)
  return lines.join('\r\n')
}
