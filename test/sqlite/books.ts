import type { Contents } from './audit.js'
import type { Told } from './server-process.js'

/** Amounts by what they are known by: a credit's reference, a request's id. */
type Amounts = ReadonlyMap<string, number>

/** How a file differs from what was acknowledged. */
export interface Differences {
  /** What was acknowledged and is not in the file. */
  readonly lost: readonly string[]
  /** What is in the file and was not acknowledged. */
  readonly untold: readonly string[]
  /** Credits in the file that nobody sent. */
  readonly unsent: readonly string[]
}

/** What servers were sent and what they acknowledged, over all that worked on one file. */
export class Books {
  readonly #sentCredits = new Map<string, number>()
  readonly #acknowledged = new Map<string, number>()

  /** Notes which credits a server was sent, and what it told. */
  add(sentCredits: Amounts, told: readonly Told[]): void {
    for (const [reference, amount] of sentCredits) this.#sentCredits.set(reference, amount)
    for (const each of told) {
      if (each.event === 'credited') this.#acknowledged.set(each.reference, each.amount)
      if (each.event === 'ended') this.#acknowledged.set(each.id, each.amount)
    }
  }

  /** Compares a file with what is known. What nobody was told of is known from now on. */
  compare({ credits, charges }: Contents): Differences {
    const written = new Map([...credits, ...charges])
    const lost = missing(this.#acknowledged, written)
    const untold = missing(written, this.#acknowledged)
    for (const [name, amount] of written) this.#acknowledged.set(name, amount)
    return { lost, untold, unsent: missing(credits, this.#sentCredits) }
  }
}

/** The names of those that are not in `there`, or with another amount. */
function missing(amounts: Amounts, there: Amounts): string[] {
  return [...amounts].filter(([name, amount]) => there.get(name) !== amount).map(([name]) => name)
}
