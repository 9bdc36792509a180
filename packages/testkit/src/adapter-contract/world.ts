import {
  createEvents,
  createKeys,
  MemoryLedger,
  type CommonOptions,
  type GatewayEvents,
  type GatewayOptions,
  type Keys,
  type LimitStore,
  type Logger,
  type NewKey,
  type Prices,
} from '@lazu/core'
import { onTestFinished } from 'vitest'
import { FakeClock } from '../fake-clock.js'
import type { App, Harness, RunningApp } from '../harness.js'
import { until } from './waiting.js'

/** A line of a log. */
export interface LogLine {
  readonly fields: object
  readonly message: string
}

type Happened = {
  readonly [Name in keyof GatewayEvents]: GatewayEvents[Name][]
}

/** A token of output costs a micro-dollar, one of input nothing: costs are caps and usages. */
export const prices: Prices = { m: { input: 0, output: 1_000_000 } }

/** Makes a store for limits that goes by a clock. */
export type MakeLimitStore = (clock: FakeClock) => LimitStore

/** What one test's gateway stands on, and all that is heard of it. */
export class World {
  readonly clock: FakeClock = new FakeClock()
  readonly keys: Keys = createKeys({ clock: this.clock })
  readonly ledger: MemoryLedger = new MemoryLedger({ clock: this.clock })
  readonly log: LogLine[] = []
  readonly happened: Happened = {
    refused: [],
    failed: [],
    observed: [],
    settled: [],
    unsettled: [],
    degraded: [],
    channelFailed: [],
    lateWrite: [],
  }
  /** What every guard is to be given. */
  readonly common: CommonOptions
  /** Where limits are counted. */
  readonly counted: Pick<GatewayOptions, 'limitStore'>
  #credits = 0

  /** @param makeLimitStore makes what counts the limits; they are counted in memory unless given */
  constructor(makeLimitStore?: MakeLimitStore) {
    this.counted = { limitStore: makeLimitStore?.(this.clock) }
    const logger: Logger = {
      error: (fields, message) => void this.log.push({ fields, message }),
      warn: (fields, message) => void this.log.push({ fields, message }),
    }
    const events = createEvents()
    events.on('refused', (event) => void this.happened.refused.push(event))
    events.on('failed', (event) => void this.happened.failed.push(event))
    events.on('observed', (event) => void this.happened.observed.push(event))
    events.on('settled', (event) => void this.happened.settled.push(event))
    events.on('unsettled', (event) => void this.happened.unsettled.push(event))
    events.on('degraded', (event) => void this.happened.degraded.push(event))
    events.on('lateWrite', (event) => void this.happened.lateWrite.push(event))
    this.common = { clock: this.clock, logger, events }
  }

  /** Makes a key; of the account `acme` unless it says another one. */
  async key(settings: Partial<NewKey> = {}): Promise<string> {
    const { key } = await this.keys.create({ account: 'acme', name: 'test', ...settings })
    return key
  }

  /** Gives money to an account. */
  credit(amount: number, account = 'acme'): void {
    this.ledger.credit(account, amount, `credit ${this.#credits++}`)
  }

  /** A server that uses nothing but request ids and the error formatter. */
  plain(): Pick<App, 'guards' | 'errors'> {
    const { common } = this
    return { guards: { before: [{ name: 'lazuRequestId', options: common }] }, errors: common }
  }

  /** The preset's options: the common ones, keys, and what a test adds. */
  gateway(options: GatewayOptions = {}): GatewayOptions {
    return { ...this.common, ...this.counted, keys: this.keys, ...options }
  }

  /** The preset's options with a ledger and prices. */
  paid(options: GatewayOptions = {}): GatewayOptions {
    return this.gateway({ ledger: this.ledger, prices, ...options })
  }

  /** Waits until nothing is held for any request, and no timer waits. */
  async untilQuiet(account = 'acme'): Promise<void> {
    await until('nothing is held', () => this.ledger.balance(account).held === 0)
    await until('no timer waits', () => this.clock.waiting === 0)
  }

  /** The log as text, to look for what must not be in it. */
  get logText(): string {
    return JSON.stringify(this.log)
  }
}

/** Starts an app that is closed when the test is over. */
export async function serve(harness: Harness, app: App): Promise<RunningApp> {
  const server = await harness.start(app)
  onTestFinished(() => server.close())
  return server
}
