import { createHook } from 'node:async_hooks'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  createGateway,
  createKeys,
  MemoryLedger,
  NodeExchange,
  usd,
  type MadeKey,
} from '@lazu/core'
import { expect, it } from 'vitest'

const body = { model: 'gpt-5', messages: [{ role: 'user', content: 'Hello' }] }

class BareExchange extends NodeExchange {
  override body(): unknown {
    return body
  }
}

function post(key: string): BareExchange {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: '203.0.113.9' })
  const request = new IncomingMessage(socket)
  request.method = 'POST'
  request.headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return new BareExchange(request, new ServerResponse(request), '/v1/chat/completions')
}

/** How many promises `work` makes. */
function promisesOf(work: () => void): number {
  let promises = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') promises++
    },
  })
  hook.enable()
  work()
  hook.disable()
  return promises
}

it('counts promises', () => {
  expect(promisesOf(() => void Promise.resolve())).toBe(1)
})

it('makes no promise of its own with stores in memory, from the first guard to the charge', () => {
  const keys = createKeys()
  const ledger = new MemoryLedger()
  ledger.credit('acme', usd(1), 'top-up')
  const made = keys.create({ account: 'acme', name: 'key', allow: ['203.0.113.0/24'] }) as MadeKey
  const { pipeline } = createGateway({
    keys,
    ledger,
    allow: ['203.0.113.0/24'],
    limits: [
      { rpm: 60, tpm: 100_000, concurrency: 10 },
      { rpm: 600, by: 'model' },
    ],
    models: ['gpt-5'],
    prices: { 'gpt-5': { input: usd(1.25), output: usd(10) } },
    timeout: { total: '120s', firstByte: '60s', idle: '10s' },
  })
  const exchange = post(made.key)
  const results: unknown[] = []
  const promises = promisesOf(() => {
    results.push(pipeline.enter(exchange, 'head'), pipeline.enter(exchange, 'body'))
    exchange.charge({ prompt_tokens: 10, completion_tokens: 20 })
    // A response without a connection is over when it is destroyed; the answer itself is Node's.
    exchange.raw.response.emit('close')
  })
  expect(results).toEqual([true, true])
  expect(promises).toBe(0)
  expect(ledger.balance('acme')).toMatchObject({ held: 0, settled: 213 })
})

it('makes none for a refusal either', () => {
  const { pipeline } = createGateway({ keys: createKeys() })
  const exchange = post('sk-lazu-wrong')
  expect(promisesOf(() => expect(pipeline.enter(exchange, 'head')).toBe(false))).toBe(0)
  expect(exchange.raw.response.statusCode).toBe(401)
})
