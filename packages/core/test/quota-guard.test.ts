import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createGateway,
  createKeys,
  GatewayError,
  MemoryLedger,
  NodeExchange,
  usd,
  type Charge,
  type Ledger,
  type LoggedError,
  type Movement,
} from '@lazu/core'
import { FakeClock, listening } from '@lazu/testkit'
import { assert, describe, expect, it, onTestFinished, vi } from 'vitest'

const body = { model: 'gpt-5', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 100 }

class ChatExchange extends NodeExchange {
  override body(): unknown {
    return body
  }
}

interface Line {
  readonly fields: { readonly err?: LoggedError }
  readonly message: string
}

/** A server of Node's own behind a gateway, with a ledger that can be made to fail. */
class World {
  readonly clock = new FakeClock()
  readonly ledger: Ledger = new MemoryLedger({ clock: this.clock })
  readonly keys = createKeys({ clock: this.clock })
  readonly log: Line[] = []
  readonly settled: string[] = []
  handled = 0

  /** Asks once; `charge` is what the handler says it cost. */
  async ask(charge?: Charge): Promise<Response> {
    await this.ledger.credit('acme', usd(1), 'c1')
    const { pipeline, events } = createGateway({
      clock: this.clock,
      keys: this.keys,
      ledger: this.ledger,
      prices: { 'gpt-5': { input: usd(1), output: usd(1) } },
      logger: {
        error: (fields, message) => void this.log.push({ fields, message }),
        warn: () => {},
      },
    })
    events.on('settled', ({ id }) => void this.settled.push(id))
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      request.resume()
      const exchange = new ChatExchange(request, response, '/v1/chat/completions')
      if (!(await pipeline.enter(exchange))) return
      this.handled++
      if (charge !== undefined) exchange.charge(charge)
      response.end('x'.repeat(30))
    }
    const server = createServer((request, response) => void answer(request, response))
    const app = await listening(server.listen(0, '127.0.0.1'))
    onTestFinished(() => app.close())
    const { key } = await this.keys.create({ account: 'acme', name: 'test' })
    return fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{}',
    })
  }

  /** What the ledger noted of a request that was served. */
  async movements(charge?: Charge): Promise<readonly Movement[]> {
    const response = await this.ask(charge)
    const id = response.headers.get('x-request-id') ?? ''
    await vi.waitFor(() => assert.deepEqual(this.settled, [id]))
    return this.ledger.movements(id)
  }
}

describe('what a ledger is told of a request', () => {
  it('is its model, and the tokens its charge is for', async () => {
    const usage = { inputTokens: 7, outputTokens: 30, cachedInputTokens: 2 }
    const movements = await new World().movements(usage)
    expect(movements).toMatchObject([
      { kind: 'reserve', model: 'gpt-5' },
      { kind: 'settled', model: 'gpt-5', amount: 37 },
    ])
    expect(movements[1]?.tokens).toEqual({ inputTokens: 7, outputTokens: 30 })
  })

  it('is what was sent and seen when nobody reported a usage', async () => {
    const [made, end] = await new World().movements()
    const { inputTokens = 0, outputTokens = 0 } = end?.tokens ?? {}
    expect(inputTokens + 100).toBe(made?.amount)
    expect(outputTokens).toBeGreaterThanOrEqual(10)
    expect(inputTokens + outputTokens).toBe(end?.amount)
  })

  it('is no count of tokens when the charge is an amount', async () => {
    const [, end] = await new World().movements({ micros: 5 })
    expect(end).toMatchObject({ kind: 'settled', model: 'gpt-5', amount: 5 })
    expect(end?.tokens).toBeUndefined()
  })
})

function full(): Error {
  return new Error('database or disk is full')
}

describe('a ledger that fails to reserve', () => {
  const ways: [string, (error: Error) => Ledger['reserve']][] = [
    [
      'at once',
      (error) => () => {
        throw error
      },
    ],
    [
      'later',
      (error) => async () => {
        throw error
      },
    ],
  ]
  const failures: [string, () => Error][] = [
    ['an error of its driver', full],
    ['store_write_failed', () => new GatewayError('store_write_failed', { cause: full() })],
    ['store_read_failed', () => new GatewayError('store_read_failed', { cause: full() })],
  ]

  describe.each(ways)('%s', (_, fail) => {
    it.each(failures)('with %s is a 503, and the cause is in the log', async (_name, error) => {
      const world = new World()
      world.ledger.reserve = fail(error())
      const response = await world.ask()
      expect(response.status).toBe(503)
      expect(response.headers.get('x-should-retry')).not.toBe('false')
      const text = await response.text()
      expect(text).toContain('gateway_overloaded')
      expect(text).not.toContain('disk')
      expect(world.handled).toBe(0)
      expect(world.log).toHaveLength(1)
      const err = world.log[0]?.fields.err
      expect((err?.cause ?? err)?.message).toBe('database or disk is full')
      expect((err?.cause ?? err)?.stack).toContain('quota-guard.test')
    })

    it('refuses with its own refusal', async () => {
      const world = new World()
      world.ledger.reserve = fail(new GatewayError('insufficient_quota'))
      const response = await world.ask()
      expect(response.status).toBe(403)
      expect(await response.text()).toContain('insufficient_quota')
      expect(world.log).toEqual([])
    })

    it('over a number that is none has found a mistake of ours', async () => {
      const world = new World()
      world.ledger.reserve = fail(new RangeError('amount must be a whole number'))
      const response = await world.ask()
      expect(response.status).toBe(500)
      expect(await response.text()).toContain('internal_error')
      expect(world.log[0]?.fields.err?.message).toContain('amount')
    })
  })
})
