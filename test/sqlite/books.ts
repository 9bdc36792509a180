import type { Contents } from './audit.js'
import type { Told } from './server-process.js'

/** Amounts by what they are known by: a credit's reference, a request's id. */
type Amounts = ReadonlyMap<string, number>

/** How a file differs from what was acknowledged. */
export interface Differences {
  /** What was acknowledged and is not in the file. */
  readonly lost: readonly string[]
  /** What is in the file and nobody asked for. */
  readonly unasked: readonly string[]
}

/** What servers were asked for and what they acknowledged, over all that worked on one file. */
export class Books {
  readonly #asked = new Map<string, number>()
  readonly #acknowledged = new Map<string, number>()

  /** Notes which credits a server was sent, and what it told. */
  add(sentCredits: Amounts, told: readonly Told[]): void {
    for (const [reference, amount] of sentCredits) this.#asked.set(reference, amount)
    for (const each of told) {
      if (each.event === 'settling') this.#asked.set(each.id, each.amount)
      if (each.event === 'credited') this.#acknowledged.set(each.reference, each.amount)
      if (each.event === 'ended') this.#acknowledged.set(each.id, each.amount)
    }
  }

  /**
   * Compares a file with what is known. What was asked for when a server was killed may be in it or
   * not; from now on it is known.
   */
  compare({ credits, charges }: Contents): Differences {
    const written = new Map([...credits, ...charges])
    const lost = missing(this.#acknowledged, written)
    const unasked = missing(written, new Map([...this.#asked, ...this.#acknowledged]))
    for (const [name, amount] of written) this.#acknowledged.set(name, amount)
    return { lost, unasked }
  }
}

/** The names of those that are not in `there`, or with another amount. */
function missing(amounts: Amounts, there: Amounts): string[] {
  return [...amounts].filter(([name, amount]) => there.get(name) !== amount).map(([name]) => name)
}
