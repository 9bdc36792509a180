import {
  insufficientQuota,
  keyQuotaExceeded,
  quotaConflict,
  type ChargedTokens,
  type Movement,
  type Reservation,
  type ReserveRequest,
  type Settled,
} from '@lazu/core'
import { balanceIn, integer, list, text, tooLarge, type Answer } from './answer.js'
import { BoundedMap } from './bounded-map.js'
import type { RedisClient } from './clients/redis-client.js'
import type { KeyNames } from './key-names.js'
import { modelText, movementsIn } from './movements.js'
import { newToken, Pointers, pointerTtlMs } from './pointers.js'
import { reserveScript } from './scripts/reserve-script.js'
import type { Script } from './scripts/script.js'
import { settleScript } from './scripts/settle-script.js'
import { extendScript, movementsScript, releaseScript } from './scripts/step-scripts.js'
import type { Servers } from './server-check.js'
import type { Steps } from './steps.js'

/** A reservation this process made, as far as it is needed to end it. */
interface MadeReservation {
  readonly account: string
  readonly key: string
  readonly model: string | undefined
  /** Of the account, when it was made. */
  readonly generation: string
}

const mostMade = 100_000

/** As many as wait at most to be told to a ledger again. */
const mostEnds = 10_000

/** The reservations, open and ended. */
export class Reservations {
  readonly #names: KeyNames
  readonly #steps: Steps
  readonly #pointers: Pointers
  /** The open ones this process made. Of others the pointer is asked for. */
  readonly #made = new BoundedMap<MadeReservation>(mostMade)
  /**
   * How the last ones ended, as this process was told. Who asked may have waited no longer, and asks
   * again when Redis has forgotten it, or has an older state in which the reservation is open: it
   * must not be charged twice.
   */
  readonly #ends = new BoundedMap<Settled>(mostEnds)

  constructor(client: RedisClient, names: KeyNames, steps: Steps) {
    this.#names = names
    this.#steps = steps
    this.#pointers = new Pointers(client, names)
  }

  /** @throws GatewayError when it is refused */
  async reserve(request: ReserveRequest, { isCluster }: Servers): Promise<Reservation> {
    const { id, account, key, amount, model } = request
    const answer = await (isCluster
      ? this.#claimAndReserve(request)
      : this.#reserve(request, newToken(), this.#names.pointer(id)))
    switch (answer?.status) {
      case 'held':
        // An id that was used before, longer ago than Redis remembers.
        this.#ends.delete(id)
        this.#made.set(id, { account, key, model, generation: answer.generation })
        return { id, account, key, amount: integer(answer.rest[0]) }
      case 'insufficient':
        throw insufficientQuota(amount, balanceIn(answer).available)
      case 'cap':
        throw keyQuotaExceeded(capIn(answer), amount, integer(answer.rest[1]))
      default:
        throw quotaConflict()
    }
  }

  /** @throws RangeError when a sum would be too large */
  async settle(
    id: string,
    amount: number,
    tokens: ChargedTokens | undefined,
  ): Promise<Settled | undefined> {
    const known = this.#ends.get(id)
    if (known !== undefined) return known
    const made = this.#made.get(id)
    const answer = await this.#end(id, settleScript, [
      String(amount),
      String(tokens?.inputTokens ?? ''),
      String(tokens?.outputTokens ?? ''),
      made?.generation ?? '',
      made?.key ?? '',
      modelText(made?.model),
    ])
    if (answer?.status === 'range') {
      throw tooLarge(answer.rest[0] === 'spent' ? 'what the key spent' : 'what was charged')
    }
    // Its pointer was forgotten with it.
    const isLost = answer?.status === 'ended' && answer.rest[2] === '1'
    if (isLost && made !== undefined) await this.#pointers.keep(id, made.account, 0)
    return this.#endIn(id, answer)
  }

  async release(id: string): Promise<Settled | undefined> {
    return this.#ends.get(id) ?? this.#endIn(id, await this.#end(id, releaseScript, []))
  }

  async extend(id: string, ttlMs: number, { isCluster }: Servers): Promise<boolean> {
    const account = await this.#accountOf(id)
    if (account === undefined) return false
    if (isCluster) await this.#pointers.keep(id, account, ttlMs)
    const { status } = await this.#steps.run({
      script: extendScript,
      account,
      pointer: isCluster ? undefined : this.#names.pointer(id),
      generation: this.#made.get(id)?.generation,
      args: [id, String(ttlMs), newToken() + account, pointerTtlMs(ttlMs)],
    })
    return status === 'ok'
  }

  async movements(id: string): Promise<Movement[]> {
    const account = await this.#accountOf(id)
    if (account === undefined) return []
    const answer = await this.#steps.run({ script: movementsScript, account, args: [id] })
    return movementsIn(id, account, list(answer.rest[0]))
  }

  /** On a cluster the id is claimed in its own slot first, so that it is one account's. */
  async #claimAndReserve(request: ReserveRequest): Promise<Answer | undefined> {
    const { id, account, ttlMs } = request
    const token = newToken()
    const isClaimed = await this.#pointers.claim(id, account, token, ttlMs)
    if (!isClaimed) return undefined
    const answer = await this.#reserve(request, token, undefined)
    const isRefused = answer.status === 'insufficient' || answer.status === 'cap'
    if (isRefused) await this.#pointers.unclaim(id, account, token)
    return answer
  }

  #reserve(request: ReserveRequest, token: string, pointer: string | undefined): Promise<Answer> {
    const { id, account, key, amount, ttlMs, caps, model } = request
    return this.#steps.run({
      script: reserveScript,
      account,
      pointer,
      key,
      args: [
        id,
        key,
        String(amount),
        String(ttlMs),
        modelText(model),
        String(caps?.total ?? ''),
        String(caps?.month ?? ''),
        String(caps?.day ?? ''),
        account,
        token,
        pointerTtlMs(ttlMs),
      ],
    })
  }

  async #end(id: string, script: Script, args: readonly string[]): Promise<Answer | undefined> {
    const account = await this.#accountOf(id)
    if (account === undefined) return undefined
    const generation = this.#made.get(id)?.generation
    const answer = await this.#steps.run({ script, account, generation, args: [id, ...args] })
    if (answer.status !== 'range') this.#made.delete(id)
    return answer
  }

  #endIn(id: string, answer: Answer | undefined): Settled | undefined {
    const end = endIn(id, answer)
    // An earlier try may have been answered meanwhile.
    if (end === undefined) return this.#ends.get(id)
    this.#ends.set(id, end)
    return end
  }

  async #accountOf(id: string): Promise<string | undefined> {
    return this.#made.get(id)?.account ?? this.#pointers.find(id)
  }
}

function endIn(id: string, answer: Answer | undefined): Settled | undefined {
  if (answer?.status !== 'ended') return undefined
  const ended = text(answer.rest[0])
  if (ended !== 'settled' && ended !== 'released' && ended !== 'expired') {
    throw new TypeError('Redis answered with an end of no known kind')
  }
  return { id, ended, amount: integer(answer.rest[1]) }
}

function capIn(answer: Answer): 'total' | 'monthly' | 'daily' {
  const cap = text(answer.rest[0])
  if (cap === 'total' || cap === 'monthly' || cap === 'daily') return cap
  throw new TypeError('Redis answered with a cap of no known kind')
}
