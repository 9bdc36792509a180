import type { Exchange } from './exchange.js'

/**
 * What a guard keeps of a request from its entering to its leaving, in a list on the exchange itself.
 * A Map or a WeakMap that every request enters and leaves costs more than most guards do.
 */
export abstract class Kept {
  /** The guard, or the rule, whose it is. */
  readonly owner: object
  /** The list's own. */
  next: Kept | undefined

  constructor(owner: object) {
    this.owner = owner
  }
}

/** Keeps something until the request is over. */
export function keep(exchange: Exchange, kept: Kept): void {
  kept.next = exchange.kept
  exchange.kept = kept
}

/** What an owner has kept of that kind; the newest, when there are several. */
export function keptOf<T extends Kept>(
  exchange: Exchange,
  kind: abstract new (...args: never) => T,
  owner: object,
): T | undefined {
  for (let kept = exchange.kept; kept !== undefined; kept = kept.next) {
    if (kept.owner === owner && kept instanceof kind) return kept
  }
  return undefined
}
