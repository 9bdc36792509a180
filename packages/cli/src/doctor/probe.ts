import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'

/** A request to be sent to the server that is examined. */
export interface ProbeRequest {
  readonly method: string
  /** Below the server's url. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  /** Announces a body of so many bytes and never sends it. */
  readonly unsentBytes?: number | undefined
  readonly deadlineMs: number
}

/** What the server answered. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  /** By their names in lower case; several of one name joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The beginning of the body, 64 kB at most. */
  readonly body: string
  /** When its head came, in milliseconds since 1970. */
  readonly atMs: number
  /** From the request to the head of the answer. */
  readonly tookMs: number
  /** The two ends of the connection, as this machine sees it. */
  readonly ownAddress: string | undefined
  readonly serverAddress: string | undefined
}

/** No answer. */
export interface NoAnswer {
  readonly kind: 'no_answer'
  readonly reason: 'deadline' | 'tls' | 'connection'
  /** What went wrong, in few words. */
  readonly problem: string
}

/** What came of a probe. */
export type Outcome = Answer | NoAnswer

const mostBytes = 64 * 1024

/**
 * Sends one request on a connection of its own. Redirects are not followed, and no more than 64 kB
 * of the answer are read. Never throws.
 *
 * @param url where the server is; what its path has stands before the probe's
 */
export function probe(url: URL, sent: ProbeRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const { method, path, headers = {}, body, unsentBytes, deadlineMs } = sent
    const startedMs = performance.now()
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const length = unsentBytes ?? (body === undefined ? undefined : Buffer.byteLength(body))
    const request = send({
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port,
      method,
      path: url.pathname.replace(/\/+$/, '') + escaped(path),
      agent: false,
      headers: {
        ...headers,
        'user-agent': 'lazu-doctor',
        ...(length === undefined ? {} : { 'content-length': String(length) }),
      },
    })
    let soFar: (() => Answer) | undefined
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      resolve(outcome)
      request.destroy()
    }
    const timer = setTimeout(() => {
      // An answer that goes on for ever counts as far as it came.
      const problem = `no answer within ${deadlineMs / 1000} s`
      end(soFar?.() ?? { kind: 'no_answer', reason: 'deadline', problem })
    }, deadlineMs)
    request.on('error', (error) => end(soFar?.() ?? noAnswer(error)))
    request.on('response', (response) => {
      const head = headOf(response, performance.now() - startedMs)
      const chunks: Buffer[] = []
      let bytes = 0
      const answer = (): Answer => ({
        ...head,
        body: Buffer.concat(chunks).subarray(0, mostBytes).toString(),
      })
      soFar = answer
      // Who did not send the body need not wait for more than the head.
      if (unsentBytes !== undefined) end(head)
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes >= mostBytes) end(answer())
      })
      // Comes last, whether the body was whole or broke off.
      response.on('close', () => end(answer()))
      response.on('error', () => end(answer()))
    })
    if (unsentBytes === undefined) request.end(body)
    else request.flushHeaders()
  })
}

/** A path as it may stand in a request. */
function escaped(path: string): string {
  return path.replaceAll(/[^!-~]+/g, (text) =>
    Buffer.from(text).toString('hex').replaceAll(/../g, '%$&'),
  )
}

/** The answer before its body. */
function headOf(response: IncomingMessage, tookMs: number): Answer {
  const { socket } = response
  const headers = Object.entries(response.headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ])
  return {
    kind: 'answer',
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: '',
    atMs: Date.now(),
    tookMs,
    ownAddress: socket.localAddress,
    serverAddress: socket.remoteAddress,
  }
}

const tlsCode =
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/

function noAnswer(error: Error): NoAnswer {
  const code: unknown = Reflect.get(error, 'code')
  const name = typeof code === 'string' ? code : error.name
  const isTls = tlsCode.test(name)
  return {
    kind: 'no_answer',
    reason: isTls ? 'tls' : 'connection',
    // OpenSSL's own messages are long, and hold the names of its source files.
    problem: name === 'EPROTO' ? 'the other side does not speak TLS (EPROTO)' : name,
  }
}
