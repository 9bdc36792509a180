import { formatUsd, type Movement } from '@lazu/core'

const words = {
  grant: 'credited',
  reserve: 'held',
  settled: 'charged',
  released: 'given back',
  expired: 'given back',
} as const satisfies Record<Movement['kind'], string>

/** The heads of a table of movements. */
export const movementHeads: readonly string[] = ['Time', 'Money', 'Amount', 'Tokens', 'Model']

/** One movement as a row of that table. */
export function movementRow({ kind, atMs, amount, tokens, model }: Movement): readonly string[] {
  const { inputTokens, outputTokens } = tokens ?? {}
  return [
    new Date(atMs).toISOString(),
    words[kind],
    formatUsd(amount),
    tokens === undefined ? '' : `${inputTokens} in, ${outputTokens} out`,
    model ?? '',
  ]
}

/** How the money of a request ended, as a sentence. */
export function endingOf(movements: readonly Movement[]): string {
  const reserved = movements.find(({ kind }) => kind === 'reserve')
  const end = movements.find(({ kind }) => kind !== 'reserve' && kind !== 'grant')
  const held = reserved === undefined ? 'what was held' : `the ${formatUsd(reserved.amount)} held`
  switch (end?.kind) {
    case 'settled':
      return `Settled: ${formatUsd(end.amount)} was charged of ${held}.`
    case 'released':
      return `Released: ${held} was given back, and nothing was charged.`
    case 'expired':
      return `Expired: nobody settled it in its time, so ${held} was given back uncharged.`
    default:
      return reserved === undefined
        ? 'No money was held for it.'
        : `Still open: ${held} is neither charged nor given back.`
  }
}
