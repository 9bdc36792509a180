import type { Events } from '../events.js'
import { GatewayError } from '../errors/gateway-error.js'
import { BackOff } from '../lib/back-off.js'
import type { Clock, Timer } from '../lib/clock.js'
import { loggedError, stderrLogger, type Logger } from '../lib/logger.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure, mayBeDone } from '../stores/store-errors.js'
import { isAboutOneAccount } from './account-unavailable-error.js'
import type { Ledger, Settled } from './ledger.js'
import { TellingRound } from './telling-round.js'
import type { Unsettled, UnsettledCharge } from './unsettled.js'

/** What an UnsettledQueue stands on. */
export interface UnsettledQueueParts {
  readonly ledger: Ledger
  readonly calls: StoreCalls
  readonly clock: Clock
  readonly events: Events | undefined
  readonly logger: Logger | undefined
  /** Told what came of one. */
  readonly landed: (entry: Unsettled, end: Settled | undefined) => void
  /** Told when nothing waits any more. */
  readonly empty: () => void
}

const mostWaiting = 10_000

/** How many are told to the ledger at once while it takes them. */
const batchSize = 32

/**
 * What came of telling one: it is `done`, or has to be told `again`. It is `unavailable` when the
 * ledger can do nothing for its account, and has `failed` when the ledger itself did.
 */
type Told = 'done' | 'again' | 'unavailable' | 'failed'

/**
 * How requests are to end that the ledger has not taken yet. They are repeated until it does, in
 * rounds, with one pause for all of them: they wait for the same ledger. A round ends when the ledger
 * fails, and goes past those it cannot take for a reason of their own.
 *
 * Whatever is sent twice, and whatever of it still runs later, counts once: the ledger goes by ids.
 */
export class UnsettledQueue {
  readonly #parts: UnsettledQueueParts
  /** In the order they are told. */
  readonly #waiting = new Set<Unsettled>()
  readonly #backOff = new BackOff()
  #timer: Timer | undefined
  /** The round that runs. */
  #round: TellingRound | undefined
  /** How many the ledger is being told. */
  #told = 0
  #wakeAgain = false

  constructor(parts: UnsettledQueueParts) {
    this.#parts = parts
    parts.calls.onChange(({ state }) => {
      if (state === 'closed') this.#wake()
    })
  }

  /** How many there are. */
  get size(): number {
    return this.#waiting.size + this.#told + (this.#round?.size ?? 0)
  }

  /** Adds one. When there are too many it is told to be settled by hand. */
  add(entry: Unsettled): void {
    if (this.size >= mostWaiting) {
      this.giveUp(entry, new Error(`${mostWaiting} others wait for the ledger`))
      return
    }
    this.#waiting.add(entry)
    if (this.#round === undefined) this.#pause()
  }

  /** Tells all that is needed to settle one by hand. */
  giveUp({ facts, due, model }: Unsettled, cause: unknown): void {
    const { events, logger = stderrLogger } = this.#parts
    const charge: UnsettledCharge = {
      action: due === undefined ? 'release' : 'settle',
      amount: due?.amount ?? 0,
      model,
      tokens: due?.tokens,
      cause: loggedError(cause),
    }
    events?.emit('unsettled', { ...facts, ...charge })
    // What nobody charges costs its owner: it must not depend on somebody listening.
    if (due === undefined) return
    const { requestId, account, keyId } = facts
    const { amount, tokens } = due
    logger.error(
      {
        requestId,
        account,
        keyId,
        amount,
        model,
        inputTokens: tokens?.inputTokens,
        outputTokens: tokens?.outputTokens,
        err: charge.cause,
      },
      'a request could not be charged',
    )
  }

  #pause(): void {
    this.#timer ??= this.#parts.clock.after(this.#backOff.next(), () => {
      this.#timer = undefined
      void this.#tell()
    })
  }

  /** The ledger is back. */
  #wake(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#backOff.reset()
    if (this.#round !== undefined) this.#wakeAgain = true
    else if (this.#waiting.size > 0) void this.#tell()
  }

  async #tell(): Promise<void> {
    const round = new TellingRound(this.#waiting)
    this.#round = round
    await this.#tellAll(round)
    round.end()
    this.#round = undefined
    if (this.#waiting.size === 0) this.#parts.empty()
    else this.#pause()
  }

  /** Tells one at first, and the others as long as the ledger does not fail. */
  async #tellAll(round: TellingRound): Promise<void> {
    let batch = round.next(1)
    while (batch.length > 0) {
      this.#wakeAgain = false
      const told = await this.#tellBatch(round, batch)
      if (told.includes('failed')) {
        if (!this.#wakeAgain) return
      } else if (told.includes('done')) this.#backOff.reset()
      // A ledger that answers at once would keep this process from everything else.
      await nextTurn()
      batch = round.next(batchSize)
    }
  }

  async #tellBatch(round: TellingRound, batch: readonly Unsettled[]): Promise<readonly Told[]> {
    this.#told = batch.length
    const told = await Promise.all(batch.map((entry) => this.#tellOne(entry)))
    this.#told = 0
    for (const [index, entry] of batch.entries()) {
      const what = told[index]
      if (what === 'failed') this.#waiting.add(entry)
      else if (what === 'unavailable') round.unavailable(entry)
      else if (what === 'again') round.again(entry)
    }
    return told
  }

  async #tellOne(entry: Unsettled): Promise<Told> {
    try {
      const end = await this.#end(entry)
      if (end === 'again') return 'again'
      this.#parts.landed(entry, end)
      return 'done'
    } catch (error) {
      if (isStoreFailure(error)) return isAboutOneAccount(error) ? 'unavailable' : 'failed'
      this.giveUp(entry, error)
      return 'done'
    }
  }

  async #end(entry: Unsettled): Promise<Settled | undefined | 'again'> {
    const { ledger, calls } = this.#parts
    const { due } = entry
    if (due === undefined) return calls.run(() => ledger.release(entry.id))
    // Twice, as the first may find that its reservation is gone.
    for (let attempt = 0; attempt < 2; attempt++) {
      if (entry.needsReserve) await this.#reserve(entry)
      const end = await this.#settle(entry, due.amount)
      if (end !== undefined && end.ended !== 'expired') return end
      if (end === undefined && entry.maybeSettled) {
        throw new GatewayError('quota_conflict', {
          message: 'The ledger has forgotten the reservation, and may have charged it.',
        })
      }
      if (end === undefined) entry.needsReserve = true
      else entry.renew()
    }
    return 'again'
  }

  /** Holds what is due, unless that was done before. */
  async #reserve(entry: Unsettled): Promise<void> {
    const { ledger, calls } = this.#parts
    try {
      await calls.run(() => ledger.reserve(entry.reserveRequest))
    } catch (error) {
      // It has ended already: settling tells how.
      if (!GatewayError.is(error) || error.condition !== 'quota_conflict') throw error
    }
    entry.needsReserve = false
  }

  async #settle(entry: Unsettled, amount: number): Promise<Settled | undefined> {
    const { ledger, calls } = this.#parts
    try {
      return await calls.run(() => ledger.settle(entry.id, amount, entry.due?.tokens))
    } catch (error) {
      if (mayBeDone(error)) entry.maybeSettled = true
      throw error
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
