import { once } from 'node:events'
import { Agent, get, IncomingMessage, request, type ClientRequest } from 'node:http'
import { get as getWithTls } from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  answer,
  answerHead,
  chunk,
  json,
  lastChunk,
  selfSigned,
  sse,
  sseHead,
  startScriptedUpstream,
  type ScriptedUpstream,
} from '@lazu/testkit'
import { assert, describe, expect, it, onTestFinished, vi } from 'vitest'

async function started(tls = false): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream({ tls })
  onTestFinished(() => upstream.close())
  return upstream
}

/** Asks with Node's own client, on a connection of its own unless it is given an agent. */
async function ask(url: string, agent?: Agent): Promise<IncomingMessage> {
  return responseTo(get(url, { agent: agent ?? false }))
}

async function responseTo(asked: ClientRequest): Promise<IncomingMessage> {
  // A connection that is reset later is seen in the response.
  asked.on('error', () => {})
  const [response]: unknown[] = await once(asked, 'response')
  assert(response instanceof IncomingMessage)
  return response
}

describe('a scripted upstream', () => {
  it('answers step by step, and goes on with the last one', async () => {
    const upstream = await started()
    upstream.script(json({ error: {} }, { status: 500 }), json({ ok: true }))
    const answers = []
    for (let count = 0; count < 3; count++) {
      const response = await ask(`${upstream.url}/v1/models?a=1`)
      answers.push([response.statusCode, await text(response)])
    }
    expect(answers).toEqual([
      [500, '{"error":{}}'],
      [200, '{"ok":true}'],
      [200, '{"ok":true}'],
    ])
    expect(upstream.accepted).toBe(3)
    expect(upstream.requests.map(({ target }) => target)).toEqual(
      Array.from({ length: 3 }, () => '/v1/models?a=1'),
    )
  })

  it('records requests as they came, several on one connection', async () => {
    const upstream = await started()
    upstream.script(answer(204))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    for (const body of ['{"a":"ü"}', '']) {
      const asked = request(`${upstream.url}/v1/chat`, {
        agent,
        method: 'POST',
        headers: { 'X-Test': 'Value', 'content-length': Buffer.byteLength(body) },
      })
      asked.end(body)
      await text(await responseTo(asked))
    }
    expect(upstream.requests.map(({ body, method }) => [method, body])).toEqual([
      ['POST', '{"a":"ü"}'],
      ['POST', ''],
    ])
    expect(upstream.requests[0]?.headers['x-test']).toBe('Value')
    expect(upstream.requests[0]?.head).toContain('X-Test: Value')
    expect([upstream.accepted, upstream.open]).toEqual([1, 1])
  })

  it('writes byte by byte what its script tells it', async () => {
    const upstream = await started()
    upstream.script(async (call) => {
      for (const byte of sse({ event: 'x', data: { a: 1 } }, '[DONE]')) {
        await call.write(Buffer.of(byte))
      }
    })
    const response = await ask(upstream.url)
    expect(response.headers['content-type']).toBe('text/event-stream')
    expect(await text(response)).toBe('event: x\ndata: {"a":1}\n\ndata: [DONE]\n\n')
  })

  it('breaks off as its script tells it', async () => {
    const upstream = await started()
    const arrived = new AbortController()
    upstream.script(
      (call) => call.reset(),
      async (call) => {
        await call.write(sseHead())
        await call.write(chunk('data: half'))
        // What is on its way is lost with the connection.
        await once(arrived.signal, 'abort')
        call.reset()
      },
      async (call) => {
        await call.write(answerHead(200, { 'content-length': '100' }))
        call.end()
      },
    )
    await expect(ask(upstream.url)).rejects.toThrow('ECONNRESET')
    const half = await ask(upstream.url)
    half.once('data', () => arrived.abort())
    await expect(text(half)).rejects.toThrow('aborted')
    const none = await ask(upstream.url)
    await expect(text(none)).rejects.toThrow('aborted')
    await vi.waitFor(() => expect(upstream.open).toBe(0))
  })

  it('says how much a caller that does not read has been sent, and when it has gone', async () => {
    const upstream = await started()
    let wrote = 0
    let hasSeenEnd = false
    upstream.script(async (call) => {
      await call.write(sseHead())
      while (!call.isGone) {
        await call.write(chunk('x'.repeat(65_536)))
        wrote = call.bytesSent
      }
      await call.gone
      hasSeenEnd = true
    })
    const client = connect(upstream.port, '127.0.0.1')
    client.pause()
    client.write('GET / HTTP/1.1\r\n\r\n')
    await vi.waitFor(() => expect(wrote).toBeGreaterThan(65_536))
    expect(upstream.open).toBe(1)
    client.destroy()
    await vi.waitFor(() => expect(hasSeenEnd).toBe(true))
    expect(upstream.open).toBe(0)
  })

  it('speaks TLS with its own certificate', async () => {
    const upstream = await started(true)
    upstream.script(json({ secure: true }))
    const trusting = getWithTls(upstream.url, { agent: false, ca: selfSigned.certificate })
    expect(await text(await responseTo(trusting))).toBe('{"secure":true}')
    const strict = getWithTls(upstream.url, { agent: false })
    await expect(responseTo(strict)).rejects.toThrow('self-signed certificate')
    await expect(ask(upstream.url.replace('https:', 'http:'))).rejects.toThrow(
      /hang up|RESET|Parse/,
    )
  })

  it('refuses connections when it is told to, and says nothing without a script', async () => {
    const upstream = await started()
    const silent = connect(upstream.port, '127.0.0.1')
    silent.write('GET / HTTP/1.1\r\n\r\n')
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1))
    expect(silent.bytesRead).toBe(0)
    await upstream.refuse()
    await expect(ask(upstream.url)).rejects.toThrow('ECONNREFUSED')
    expect(upstream.open).toBe(1)
    silent.destroy()
  })

  it('tells what a step of its script threw when it is closed', async () => {
    const upstream = await startScriptedUpstream()
    upstream.script(async (call) => {
      await call.write(lastChunk)
      throw new Error('a mistake in a test')
    })
    await expect(ask(upstream.url)).rejects.toThrow('Parse Error')
    await expect(upstream.close()).rejects.toThrow('a mistake in a test')
  })
})
