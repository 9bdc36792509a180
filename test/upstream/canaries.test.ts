import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import {
  answer,
  answerHead,
  chunk,
  json,
  lastChunk,
  sseEvent,
  sseHead,
  startScriptedUpstream,
  type UpstreamStep,
} from '@lazu/testkit'
import { expect, it, onTestFinished } from 'vitest'

/** In all that an upstream says, and in all that is configured of a channel but its name. */
const canary = 'CANARY'
const headers = {
  'set-cookie': `session=${canary}`,
  'x-powered-by': canary,
  'x-request-id': canary,
  'request-id': canary,
  'openai-organization': canary,
  'openai-version': canary,
  'cf-ray': canary,
  server: canary,
  via: canary,
  location: `https://${canary}.example`,
  'retry-after': '1',
}
const type = { ...headers, 'content-type': 'application/json' }
const errorOf = { message: canary, type: `${canary}_error`, code: canary, param: canary }
const error = { error: errorOf, request_id: canary, balance: canary }
const head = sseHead(headers)
const usage = { prompt_tokens: 1, completion_tokens: 1 }
const delta = sseEvent({
  data: { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] },
})
const stop = sseEvent({
  data: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage },
})

const begins = async (...[call]: Parameters<Exclude<UpstreamStep, string | Uint8Array>>) => {
  await call.write(head + chunk(delta).toString())
}

/** What upstreams answer with. */
const steps: readonly UpstreamStep[] = [
  json({ choices: [], usage }, { headers }),
  head + chunk(delta + stop + sseEvent('[DONE]')).toString() + lastChunk,
  ...[301, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529].map(
    (status) => json(error, { status, headers }),
  ),
  json(error, { headers }),
  answer(200, { ...headers, 'content-type': 'text/html' }, `<h1>${canary}</h1>`),
  answer(200, { ...headers, 'content-type': `text/${canary}` }, canary),
  answer(200, type, `{"id":"${canary}`),
  answer(200, { ...type, 'content-encoding': canary }, canary),
  answer(200, { ...type, 'content-encoding': 'gzip' }, canary),
  answer(200, type, ''),
  `${canary} is no HTTP\r\n\r\n`,
  `HTTP/1.1 200 ${canary}\r\n${canary}\r\n\r\n`,
  answerHead(200, { 'x-long': canary.repeat(100_000) }),
  head + chunk(sseEvent(`<${canary}>`)).toString(),
  head + chunk(sseEvent({ data: error })).toString(),
  (call) => call.reset(),
  async (call) => {
    await call.write(`${answerHead(200, { ...type, 'content-length': '100' })}{"${canary}":`)
    call.reset()
  },
  async (call) => {
    await begins(call)
    await call.write(chunk(sseEvent({ data: error })))
  },
  async (call) => {
    await begins(call)
    await call.write(chunk(sseEvent(`<${canary}>`)))
  },
  async (call) => {
    await begins(call)
    await call.write(chunk(`data: {"${canary}`).toString() + lastChunk)
  },
  async (call) => {
    await begins(call)
    await call.write(`${canary}\r\n`)
  },
]

it('shows nothing of a channel or of what its upstream says but a good answer', async () => {
  const upstream = await startScriptedUpstream()
  const unsafe = await startScriptedUpstream({ tls: true })
  const away = await startScriptedUpstream()
  await away.close()
  onTestFinished(async () => {
    await upstream.close()
    await unsafe.close()
  })
  const channel = (name: string, url: string): object => ({
    name: `named-${name}`,
    url: `${url}/${canary}/v1`,
    key: `sk-${canary}-key`,
    headers: { 'x-own': canary },
    model: canary,
  })
  // By its name, which is nowhere else.
  const url = `http://localhost:${upstream.port}`
  const child = new Child({
    m: [channel('one', url), channel('two', url)],
    'no-name': [channel('three', `http://${canary}.invalid`)],
    away: [channel('four', away.url)],
    unsafe: [channel('five', unsafe.url)],
  })
  const { ports, key } = await child.started()

  const secrets = [
    canary,
    'localhost',
    `\\b(?:${upstream.port}|${away.port}|${unsafe.port})\\b`,
    key,
  ]
  const secret = new RegExp(secrets.join('|'), 'i')
  const ask = async (port: number, path: string, model: string): Promise<void> => {
    const bytes = await bytesOf(port, path, key, { model, stream: true })
    expect(bytes).toMatch(/^HTTP\/1\.1 \d{3} /)
    expect(bytes).not.toMatch(secret)
    expect(bytes).not.toContain('named-')
  }
  for (const port of ports) {
    for (const step of steps) {
      for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/own']) {
        upstream.script(step)
        await ask(port, path, 'm')
      }
    }
    for (const model of ['no-name', 'away', 'unsafe']) await ask(port, '/v1/own', model)
  }

  const { heard, stderr, lines } = await child.ended()
  // What may be told, was told.
  for (const told of [heard, stderr, lines]) {
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      expect(told).toContain(`named-${name}`)
    }
    expect(told).not.toMatch(secret)
  }
}, 60_000)

/** All bytes of an answer, its head included. */
async function bytesOf(port: number, path: string, key: string, body: object): Promise<string> {
  const content = JSON.stringify(body)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    [
      `POST ${path} HTTP/1.1`,
      'host: gateway',
      `authorization: Bearer ${key}`,
      'content-type: application/json',
      `content-length: ${content.length}`,
      'connection: close',
      '',
      content,
    ].join('\r\n'),
  )
  return text(socket)
}

class Child {
  readonly #process: ChildProcess
  #stderr = ''

  constructor(models: object) {
    const path = fileURLToPath(new URL('children/gateways.mjs', import.meta.url))
    this.#process = fork(path, [JSON.stringify(models)], { silent: true, execArgv: [] })
    onTestFinished(() => void this.#process.kill())
    this.#process.stdout?.on('data', (bytes) => (this.#stderr += String(bytes)))
    this.#process.stderr?.on('data', (bytes) => (this.#stderr += String(bytes)))
  }

  async started(): Promise<{ readonly ports: readonly number[]; readonly key: string }> {
    const [message] = await once(this.#process, 'message')
    return message
  }

  /** All that was told, as texts. */
  async ended(): Promise<{
    readonly heard: string
    readonly lines: string
    readonly stderr: string
  }> {
    const closed = once(this.#process, 'close')
    this.#process.send('end')
    const [{ heard, lines }] = await once(this.#process, 'message')
    await closed
    return { heard: JSON.stringify(heard), lines: JSON.stringify(lines), stderr: this.#stderr }
  }
}
