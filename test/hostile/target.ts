import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { request as httpRequest, Server } from 'node:http'
import {
  createEvents,
  createKeys,
  MemoryKeyStore,
  MemoryLedger,
  usd,
  type GatewayEvents,
  type GatewayOptions,
  type Keys,
  type NewKey,
} from '@lazu/core'
import { FakeClock, type Handler, type HandlerInput, type Harness } from '@lazu/testkit'
import { afterEach, expect, vi } from 'vitest'
import { expressHarness } from '../../packages/express/test/harness.js'
import { fastifyHarness } from '../../packages/fastify/test/harness.js'
import { koaHarness } from '../../packages/koa/test/harness.js'
import { RawConnection, type Answer } from './raw-client.js'

/** What every hostile test runs against. */
export const harnesses: readonly Harness[] = [expressHarness, koaHarness, fastifyHarness]

/** Who owns the target's keys, and what was paid in. */
export const account = 'acme'
export const credit = usd(1_000)
export const chat = '/v1/chat/completions'
export const prices = {
  cheap: { input: usd(1), output: usd(2) },
  dear: { input: usd(100), output: usd(200) },
}

/** A store that counts what it is asked for, and can be away. */
export class CountingKeyStore extends MemoryKeyStore {
  readonly asked: string[] = []
  failure: Error | undefined

  override findByDigest(digest: string): ReturnType<MemoryKeyStore['findByDigest']> {
    this.asked.push(digest)
    if (this.failure !== undefined) throw this.failure
    return super.findByDigest(digest)
  }
}

export interface TargetOptions {
  /** In the place of the target's own options. */
  readonly gateway?: Partial<GatewayOptions>
  readonly bodyLimitBytes?: number
  /** In the place of a handler that answers what the model was. */
  readonly handler?: Handler
  readonly cacheSize?: number
  readonly credit?: number
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** An object is sent as JSON. */
  readonly body?: object | string | Buffer | undefined
  /** The target's own valid one unless given; null sends none. */
  readonly key?: string | null
}

interface ErrorBody {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
  readonly request_id: string
  readonly details?: object
}

/**
 * The same gateway on one of the frameworks, with a handler that notes that it ran. What is true
 * after every request, whoever sent it, is checked here.
 */
export class Target {
  readonly clock = new FakeClock()
  readonly store = new CountingKeyStore()
  readonly ledger = new MemoryLedger({ clock: this.clock })
  readonly keys: Keys
  readonly events = createEvents()
  readonly refused: GatewayEvents['refused'][] = []
  readonly settled: GatewayEvents['settled'][] = []
  /** What was logged, as JSON. */
  readonly lines: string[] = []
  /** What reached the handler. */
  readonly handled: HandlerInput[] = []
  /** A valid key. */
  key = ''
  port = 0
  /** What must not show up anywhere. */
  readonly #secrets: string[] = []
  readonly #options: TargetOptions
  readonly #connections: RawConnection[] = []
  #allowed = 0
  #closeApp: () => Promise<void> = () => Promise.resolve()

  constructor(options: TargetOptions) {
    this.#options = options
    const { cacheSize } = options
    this.keys = createKeys({
      store: this.store,
      clock: this.clock,
      ...(cacheSize !== undefined && { cache: { size: cacheSize } }),
    })
    this.events.on('refused', (event) => this.refused.push(event))
    this.events.on('settled', (event) => this.settled.push(event))
  }

  async start(harness: Harness): Promise<void> {
    this.key = await this.makeKey()
    if (this.#options.credit !== 0) {
      this.ledger.credit(account, this.#options.credit ?? credit, 'first')
    }
    const log = (fields: object, message: string): void => {
      this.lines.push(JSON.stringify({ fields, message }))
    }
    const handler: Handler = (input) => {
      this.handled.push(input)
      if (this.#options.handler !== undefined) return this.#options.handler(input)
      return { ok: true }
    }
    const app = await harness.start({
      gateway: {
        keys: this.keys,
        ledger: this.ledger,
        prices,
        models: ['cheap', 'dear', 'unpriced'],
        clock: this.clock,
        events: this.events,
        logger: { error: log, warn: log },
        ...this.#options.gateway,
      },
      ...(this.#options.bodyLimitBytes && { bodyLimitBytes: this.#options.bodyLimitBytes }),
      routes: {
        [`POST ${chat}`]: handler,
        'POST /v1beta/generate': handler,
        'POST /v1/messages': handler,
        'GET /v1/models': handler,
      },
    })
    this.port = app.port
    this.#closeApp = () => app.close()
  }

  /** Makes a key whose secret must not show up anywhere from then on. */
  async makeKey(settings: Partial<NewKey> = {}): Promise<string> {
    const { key } = await this.keys.create({ account, name: 'a key', ...settings })
    return this.isSecret(key)
  }

  /** Has everything searched for this text from now on. */
  isSecret(text: string): string {
    this.#secrets.push(text)
    return text
  }

  /** The server that listens. */
  async server(): Promise<Server> {
    let found: Server | undefined
    const look = (message: unknown): void => {
      const server: unknown = Reflect.get(Object(message), 'server')
      if (server instanceof Server && portOf(server) === this.port) found = server
    }
    subscribe('http.server.request.start', look)
    await this.send({ method: 'HEAD', key: null, body: undefined })
    unsubscribe('http.server.request.start', look)
    if (found === undefined) throw new Error('there is no server')
    this.refused.length = 0
    return found
  }

  /** Sends what an HTTP client can send: a chat request with a valid key, unless told otherwise. */
  send(sent: Sent = {}): Promise<Answer> {
    const { method = 'POST', path = chat, key = this.key } = sent
    const body = 'body' in sent ? sent.body : chatBody()
    const bytes = typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body) : body
    const headers: Record<string, string | string[]> = {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(bytes !== undefined && {
        'content-type': 'application/json',
        // Node's client leaves it out where a body is unusual, and sends one all the same.
        'content-length': String(Buffer.byteLength(bytes)),
      }),
      ...sent.headers,
    }
    return new Promise((resolve, reject) => {
      const { port } = this
      const options = { host: '127.0.0.1', port, method, path, headers, agent: false }
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode = 0 } = response
          const joined = Object.entries(response.headers).map(([name, value]) => [
            name,
            String(value),
          ])
          resolve({
            status: statusCode,
            headers: Object.fromEntries(joined),
            body: Buffer.concat(chunks).toString(),
          })
        })
      })
      request.on('error', reject)
      request.end(bytes)
    })
  }

  /** Opens a connection for bytes of the test's own. */
  connect(localAddress?: string): RawConnection {
    const connection = new RawConnection(this.port, localAddress)
    this.#connections.push(connection)
    return connection
  }

  /** Sends bytes and waits for so many responses. */
  async raw(bytes: string | Buffer, count = 1): Promise<readonly Answer[]> {
    const connection = this.connect()
    connection.write(bytes)
    const answers = await connection.answers(count)
    await connection.close()
    return answers
  }

  /** Sends bytes and waits for the one response to them. */
  async rawOne(bytes: string | Buffer): Promise<Answer> {
    const [answer] = await this.raw(bytes)
    if (answer === undefined) throw new Error('the server closed the connection without an answer')
    return answer
  }

  /** A request's bytes: the lines of its head as they are, and a body with its length. */
  bytes(lines: readonly string[], body = JSON.stringify(chatBody())): string {
    const head = [`POST ${chat} HTTP/1.1`, 'Host: a', 'Content-Type: application/json']
    return [...head, `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n')
  }

  /** The request passed, and its handler ran. */
  expectPassed(answer: Answer): void {
    expect(answer.status, answer.body).toBe(200)
    this.#allowed++
    expect(this.handled).toHaveLength(this.#allowed)
    this.expectNoSecretIn(`${JSON.stringify(answer.headers)} ${answer.body}`)
  }

  /** The request was refused with the envelope, and no handler ran. */
  expectRefused(answer: Answer, status: number | readonly number[], code?: string): ErrorBody {
    expect([status].flat(), answer.body).toContain(answer.status)
    expect(this.handled).toHaveLength(this.#allowed)
    if (answer.status < 500) expect(this.lines).toEqual([])
    const error = this.expectEnvelope(answer)
    if (code !== undefined) expect(error.code).toBe(code)
    return error
  }

  /** The request passed, or was refused with the envelope: some frameworks' parsers are stricter. */
  expectPassedOrRefused(answer: Answer, status: number | readonly number[], code?: string): void {
    if (answer.status === 200) this.expectPassed(answer)
    else this.expectRefused(answer, status, code)
  }

  /** The request was refused: by us with the envelope, or by Node's parser before us with a 400. */
  expectRefusedByAnybody(answer: Answer, status: number | readonly number[]): void {
    if ('x-request-id' in answer.headers) {
      this.expectRefused(answer, status)
    } else {
      expect(answer.status).toBe(400)
      expect(this.handled).toHaveLength(this.#allowed)
    }
  }

  /** The response is the envelope, with one request id in its body and its headers. */
  expectEnvelope({ headers, body }: Answer): ErrorBody {
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)))
    const parsed: { error: ErrorBody } = JSON.parse(body)
    expect(Object.keys(parsed)).toEqual(['error'])
    const { error } = parsed
    const members = ['message', 'type', 'code', 'param', 'request_id']
    expect(Object.keys(error).filter((name) => name !== 'details')).toEqual(members)
    expect(error.request_id).toMatch(/^req_lazu_[0-9A-HJKMNP-TV-Z]{26}$/)
    for (const name of ['x-lazu-request-id', 'x-request-id', 'request-id']) {
      expect(headers[name], name).toBe(error.request_id)
    }
    expect(error.message.length).toBeLessThanOrEqual(1_000)
    this.expectNoSecretIn(`${JSON.stringify(headers)} ${body}`)
    return error
  }

  /** Nothing of the server's inside, and no key, is in a text that leaves it. */
  expectNoSecretIn(text: string): void {
    for (const secret of this.#secrets) expect(text).not.toContain(secret)
    expect(text).not.toMatch(/\\n +at |node_modules|\/packages\/|file:\/\/|\.[jt]s:\d/)
    expect(text).not.toMatch(/SyntaxError|Unexpected token|in JSON at position|SELECT |FST_ERR/)
  }

  /** Checks what must hold after everything, and closes the server. */
  async close(): Promise<void> {
    try {
      await this.#expectNothingHeld()
      if (this.handled.length === 0) expect(this.ledger.balance(account).settled).toBe(0)
      const told = JSON.stringify([this.lines, this.refused, this.settled])
      for (const secret of this.#secrets) expect(told).not.toContain(secret)
      expect(Reflect.get({}, 'isAdmin'), 'Object.prototype was polluted').toBeUndefined()
    } finally {
      for (const connection of this.#connections) await connection.close()
      await this.#closeApp()
    }
  }

  async #expectNothingHeld(): Promise<void> {
    // A reservation ends when the server sees that its response is over, a moment after the client.
    await vi.waitFor(() => expect(this.ledger.balance(account).held).toBe(0), { interval: 2 })
  }
}

function portOf(server: Server): number | undefined {
  const address = server.address()
  return typeof address === 'object' ? address?.port : undefined
}

/** A small chat request. */
export function chatBody(settings: object = {}): object {
  return {
    model: 'cheap',
    max_tokens: 10,
    messages: [{ role: 'user', content: 'Hello' }],
    ...settings,
  }
}

/** Starts targets on a harness; each is checked and closed after its test. */
export function targetsOn(harness: Harness): (options?: TargetOptions) => Promise<Target> {
  const started: Target[] = []
  afterEach(async () => {
    for (const target of started.splice(0)) await target.close()
  })
  return async (options = {}) => {
    const target = new Target(options)
    await target.start(harness)
    started.push(target)
    return target
  }
}
