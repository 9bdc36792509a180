import { formatUsd, type Balance } from '@lazu/core'

/** An amount for programs: exact, and as people read it. */
export interface MoneyJson {
  readonly micros: number
  readonly usd: string
}

/** An amount for programs. */
export function moneyJson(micros: number): MoneyJson {
  return { micros, usd: formatUsd(micros) }
}

/** A balance for programs. */
export function balanceJson(balance: Balance): Record<keyof Balance, MoneyJson> {
  return {
    granted: moneyJson(balance.granted),
    settled: moneyJson(balance.settled),
    held: moneyJson(balance.held),
    available: moneyJson(balance.available),
  }
}

/** A balance for people, as labelled lines. */
export function balanceFacts(balance: Balance): [label: string, value: string][] {
  return [
    ['credited', formatUsd(balance.granted)],
    ['spent', formatUsd(balance.settled)],
    ['held', formatUsd(balance.held)],
    ['available', formatUsd(balance.available)],
  ]
}
