import type { DialectName } from '@lazu/core'
import { never, type GatewaySetup, type KeyName } from './gateways.js'

/** A request that is refused, and how that comes about. */
export interface Refusal extends Partial<GatewaySetup> {
  readonly key?: KeyName
  readonly model?: string
  readonly prompt?: string
  /** Which call it is that is refused; the first unless given. */
  readonly call?: number
  /** How long a caller is told to wait, in milliseconds. */
  readonly announcedMs?: number
  /** Whether it may be tried again; no unless given. */
  readonly passing?: boolean
}

/** What gateways refuse by themselves. */
export const refusals = {
  'a key nobody has': { key: 'unknown' },
  'a key that is switched off': { key: 'disabled' },
  'a key that was withdrawn': { key: 'revoked' },
  'a key that has expired': { key: 'expired' },
  "an address outside the key's list": { key: 'elsewhere' },
  'a model the key may not use': { key: 'narrow' },
  'a model that does not exist': { model: 'lazu-ecko' },
  'a balance that is too low': { key: 'poor' },
  'a cap that is reached': { key: 'capped' },
  'a body that is too large': { prompt: 'word '.repeat(400) },
  'a limit run into': {
    gateway: { limits: { rpm: 40, burst: 1 } },
    call: 2,
    announcedMs: 1_500,
    passing: true,
  },
  'a request that takes too long': {
    gateway: { timeout: '120s' },
    answer(_, clock) {
      clock.advance(120_000)
      return never
    },
    passing: true,
  },
  'a handler that fails': {
    answer() {
      throw new Error('SECRET')
    },
    passing: true,
  },
} as const satisfies Readonly<Record<string, Refusal>>

export type RefusalName = keyof typeof refusals

export type Row = readonly [status: number, type: string, code: string]

/** How a refusal is told, by dialect. */
export type Rows<Spoken extends DialectName> = Readonly<
  Record<RefusalName, Readonly<Record<Spoken, Row>>>
>

/** The refusals with their names. */
export const refusalList = Object.entries<Refusal>(refusals).map(([what, refusal]) => ({
  what,
  refusal,
}))

/** Messages that gateways promise word for word. */
export const messages: Readonly<Partial<Record<DialectName, Readonly<Record<string, string>>>>> = {
  lazu: { 'a limit run into': 'Request rate limit exceeded (40/min)' },
  lemondata: {
    'a limit run into': 'Rate limit exceeded. Please retry later.',
    'a balance that is too low':
      'Insufficient balance: need ~$0.3500 for lazu-echo, but balance is $0.1200.',
  },
  chuizi: {
    'a key nobody has': 'Invalid API key',
    'a limit run into': 'Rate limit exceeded. Retry after 2 seconds.',
    'a balance that is too low': 'Insufficient balance. Current: $0.12, Required: $0.35',
    'a request that takes too long': 'Request timed out after 120 seconds',
  },
}
