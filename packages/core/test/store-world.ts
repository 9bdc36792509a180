import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  createGateway,
  createKeys,
  MemoryLedger,
  NodeExchange,
  systemClock,
  usd,
  type Clock,
  type GatewayEvents,
  type GatewayOptions,
  type GatewayParts,
  type Keys,
  type MadeKey,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import { assert, vi } from 'vitest'
import { FaultyLedger, Faults } from './faulty-stores.js'

class ChatExchange extends NodeExchange {
  override body(): unknown {
    return { model: 'gpt-5', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 100 }
  }
}

/** A request, and what became of it. */
export class Run {
  readonly exchange: ChatExchange
  passed = false

  constructor(key: string) {
    const request = new IncomingMessage(new Socket())
    request.method = 'POST'
    request.headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    this.exchange = new ChatExchange(request, new ServerResponse(request), '/v1/chat/completions')
  }

  get id(): string {
    return this.exchange.requestId
  }

  get status(): number {
    return this.exchange.raw.response.statusCode
  }

  get degraded(): unknown {
    return this.exchange.raw.response.getHeader('x-lazu-degraded')
  }

  /** The response is over; `micros` is what the handler says it cost. */
  end(micros?: number): void {
    if (micros !== undefined) this.exchange.charge({ micros })
    this.exchange.raw.response.emit('close')
  }
}

/** A gateway on a ledger that fails as it is told. */
export class World {
  readonly fake = new FakeClock()
  readonly clock: Clock
  readonly faults: Faults
  readonly memory: MemoryLedger
  readonly ledger: FaultyLedger
  readonly keys: Keys
  readonly gateway: GatewayParts
  readonly key: string
  readonly log: string[] = []
  readonly degraded: GatewayEvents['degraded'][] = []
  readonly unsettled: GatewayEvents['unsettled'][] = []
  readonly settled: GatewayEvents['settled'][] = []

  constructor(options: GatewayOptions = {}, time: 'fake' | 'real' = 'fake') {
    this.clock = time === 'fake' ? this.fake : systemClock
    const { clock } = this
    this.faults = new Faults(clock)
    this.memory = new MemoryLedger({ clock })
    this.ledger = new FaultyLedger(this.memory, this.faults)
    this.memory.credit('acme', usd(1), 'c1')
    this.keys = createKeys({ clock })
    const { keys } = this
    this.key = this.keyOf('acme')
    this.gateway = createGateway({
      clock,
      keys,
      ledger: this.ledger,
      prices: { 'gpt-5': { input: usd(1), output: usd(1) } },
      logger: { error: (_, message) => void this.log.push(message), warn: () => {} },
      ...options,
    })
    const { events } = this.gateway
    events.on('degraded', (event) => void this.degraded.push(event))
    events.on('unsettled', (event) => void this.unsettled.push(event))
    events.on('settled', (event) => void this.settled.push(event))
  }

  /** A new key of an account. */
  keyOf(account: string): string {
    const made = this.keys.create({ account, name: 'test' }) as MadeKey
    return made.key
  }

  /** A request enters, and is decided when the promise resolves. */
  async enter(key: string = this.key): Promise<Run> {
    const run = new Run(key)
    run.passed = await this.gateway.pipeline.enter(run.exchange)
    return run
  }

  /** The same with a ledger that hangs: until its deadline has passed. */
  async enterInVain(): Promise<Run> {
    const entering = this.enter()
    await turn()
    this.fake.advance(50)
    return entering
  }

  /** Opens the breaker. */
  async fail(): Promise<void> {
    this.faults.mode = 'fail'
    for (let times = 0; times < 5; times++) await this.enter()
    assert.equal(this.gateway.readiness().status, 'degraded')
  }

  /** Lets time pass until something is so. */
  until(check: () => void): Promise<void> {
    return vi.waitFor(
      () => {
        this.fake.advance(100)
        check()
      },
      { interval: 2, timeout: 10_000 },
    )
  }

  balance(): { held: number; settled: number } {
    const { held, settled } = this.memory.balance('acme')
    return { held, settled }
  }
}

/** Lets everything go on that need not wait for a timer. */
export async function turn(): Promise<void> {
  for (let times = 0; times < 3; times++) {
    await new Promise((resolve) => void setImmediate(resolve))
  }
}
