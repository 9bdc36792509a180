import { randomBytes } from 'node:crypto'
import type { Balance, Clock, Ledger } from '@lazu/core'
import { AccountIndex } from './account-index.js'
import { integer, list, readAnswer, text, type Answer } from './answer.js'
import { BoundedMap } from './bounded-map.js'
import type { RedisClient } from './clients/redis-client.js'
import { RedisForgotError } from './failures.js'
import type { KeyNames } from './key-names.js'
import { restoreScript } from './scripts/restore-script.js'
import { evalScript, type Script } from './scripts/script.js'
import { settleScript } from './scripts/settle-script.js'
import { linkScript, spendingScript } from './scripts/step-scripts.js'

/** What of a durable ledger is used. */
export type DurableLedger = Pick<Ledger, 'balance' | 'credit'>

/** Something that is done to an account by a script. */
export interface Step {
  readonly script: Script
  readonly account: string
  /** The pointer, where the script takes one. */
  readonly pointer?: string | undefined
  readonly args: readonly string[]
  /** The key whose first use of the account the step may be. */
  readonly key?: string | undefined
  /** The generation the caller knows when nothing newer is known. */
  readonly generation?: string | undefined
}

/** What the runner of steps is made of. */
export interface StepsParts {
  readonly client: RedisClient
  readonly names: KeyNames
  readonly durable: DurableLedger | undefined
  readonly hasJournal: boolean
  readonly clock: Clock | undefined
}

/** All that was ever credited, and all that was ever charged. */
type Sums = Pick<Balance, 'granted' | 'settled'>

const nothing: Sums = { granted: 0, settled: 0 }

/** What this process saw of an account last. */
type Seen = Pick<Answer, 'generation' | 'steps' | 'granted' | 'settled'>

interface Progress {
  wasAsked: boolean
  isIndexed: boolean
  elsewhere: string
  recoveries: number
}

// Accounts that are not among them are served all the same; only that one of them was forgotten is
// not seen then.
const mostAccounts = 100_000
const mostRecoveries = 5

/**
 * Does steps, each by one script. What a script cannot do alone is done here, and the step again:
 * ending more than it may at once, writing indexes that are in other slots, asking about a key's
 * other accounts, loading an account that was forgotten.
 */
export class Steps {
  readonly #client: RedisClient
  readonly #names: KeyNames
  readonly #durable: DurableLedger | undefined
  readonly #journal: string
  readonly #clock: Clock | undefined
  readonly #index: AccountIndex
  readonly #generations = randomBytes(9).toString('base64url')
  #made = 0
  readonly #asking = new Map<string, Promise<Balance | undefined>>()
  readonly #seen = new BoundedMap<Seen>(mostAccounts)

  constructor({ client, names, durable, hasJournal, clock }: StepsParts) {
    this.#client = client
    this.#names = names
    this.#durable = durable
    this.#journal = hasJournal ? '1' : ''
    this.#clock = clock
    this.#index = new AccountIndex(client, names, clock)
  }

  /**
   * Does a step. The answer's status is one the step itself has.
   *
   * @throws RedisForgotError when Redis has forgotten the account and nobody can load it again
   */
  async run(step: Step): Promise<Answer> {
    const progress: Progress = {
      wasAsked: this.#durable === undefined,
      isIndexed: false,
      elsewhere: '',
      recoveries: 0,
    }
    for (;;) {
      const answer = await this.#try(step, progress)
      switch (answer.status) {
        case 'again':
          break
        case 'missing':
          await this.#loadMissing(step.account)
          progress.wasAsked = true
          break
        case 'index':
          await this.#addToIndexes(step)
          progress.isIndexed = true
          break
        case 'elsewhere':
          progress.elsewhere = await this.#elsewhere(step, answer)
          break
        case 'forgotten':
          if (progress.recoveries++ === mostRecoveries) throw forgotten(step.account)
          await this.#recover(step, answer)
          break
        default:
          return answer
      }
    }
  }

  /**
   * Loads an account that Redis has forgotten, with the sums of before it forgot. Sums that are lower
   * than what this process has seen count as what it has seen. An account that was not forgotten stays
   * as it is.
   *
   * @throws RangeError when a sum would be too large to be exact
   */
  restore(account: string, sums: Sums): Promise<Answer> {
    return this.#restore(account, sums, sums, '')
  }

  async #restore(account: string, before: Sums, kept: Sums, generation: string): Promise<Answer> {
    const seen = this.#seen.get(account)
    await this.#index.add(account)
    const answer = readAnswer(
      await evalScript(
        this.#client,
        restoreScript,
        [this.#names.account(account)],
        [
          ...this.#start(seen, generation),
          '',
          '',
          '',
          String(Math.max(before.granted, seen?.granted ?? 0)),
          String(Math.max(before.settled, seen?.settled ?? 0)),
          String(kept.granted),
          String(kept.settled),
        ],
      ),
    )
    if (answer.status === 'range') {
      throw new RangeError('granted or settled added to what there is makes a sum too large')
    }
    this.#seen.set(account, seenIn(answer))
    return answer
  }

  async #try(step: Step, progress: Progress): Promise<Answer> {
    const seen = this.#seen.get(step.account)
    const account = this.#names.account(step.account)
    const answer = readAnswer(
      await evalScript(
        this.#client,
        step.script,
        step.pointer === undefined ? [account] : [account, step.pointer],
        [
          ...this.#start(seen, step.generation ?? ''),
          progress.wasAsked ? '1' : '',
          progress.isIndexed ? '1' : '',
          progress.elsewhere,
          ...step.args,
        ],
      ),
    )
    if (answer.status === 'forgotten') return answer
    this.#note(step.account, answer)
    if (answer.generation !== '') this.#index.refresh(step.account)
    return answer
  }

  /** The times, what was seen, the journal and a name for a generation. */
  #start(seen: Seen | undefined, generation: string): string[] {
    const clock = this.#clock
    return [
      clock === undefined ? '' : String(Math.floor(clock.monotonicMs())),
      clock === undefined ? '' : String(Math.floor(clock.wallMs())),
      seen?.generation ?? generation,
      `${seen?.steps ?? 0} ${seen?.granted ?? 0} ${seen?.settled ?? 0}`,
      this.#journal,
      `${this.#generations}${(this.#made++).toString(36)}`,
    ]
  }

  // Answers may come in another order than they were made.
  #note(account: string, answer: Answer): void {
    if (answer.generation === '') return
    const seen = this.#seen.get(account)
    const isNewer =
      seen === undefined || (seen.generation === answer.generation && seen.steps <= answer.steps)
    if (isNewer) this.#seen.set(account, seenIn(answer))
  }

  async #loadMissing(account: string): Promise<void> {
    const balance = await this.#durableBalance(account)
    if (balance === undefined || (balance.granted === 0 && balance.settled === 0)) return
    await this.#restore(account, nothing, balance, '')
  }

  async #recover({ account, generation }: Step, answer: Answer): Promise<void> {
    const seen = this.#seen.get(account)
    const known = seen?.generation ?? generation
    // Somebody else may have loaded it. What this process knows is added.
    const isLoaded = answer.isRestored && answer.generation !== known
    if (this.#durable === undefined && !isLoaded) {
      const isOlder = seen !== undefined && answer.generation === seen.generation
      throw forgotten(account, isOlder ? seen.steps - answer.steps : undefined)
    }
    const kept = (await this.#durableBalance(account)) ?? nothing
    await this.#restore(account, nothing, kept, generation ?? '')
  }

  /** Asks the durable ledger once for all that want to know at this moment. */
  #durableBalance(account: string): Promise<Balance | undefined> {
    const asking = this.#asking.get(account)
    if (asking !== undefined) return asking
    const asked = this.#askDurable(account).finally(() => this.#asking.delete(account))
    this.#asking.set(account, asked)
    return asked
  }

  async #askDurable(account: string): Promise<Balance | undefined> {
    return this.#durable?.balance(account)
  }

  async #addToIndexes({ account, key }: Step): Promise<void> {
    await this.#index.add(account)
    if (key === undefined) return
    const index = this.#names.accountsOfKey(key)
    await this.#client.send(index, ['SADD', index, account])
    const accounts = await this.accountsOf(key)
    if (accounts.length < 2) return
    for (const one of accounts) {
      const others = accounts.filter((other) => other !== one)
      await evalScript(this.#client, linkScript, [this.#names.account(one)], [key, ...others])
    }
  }

  /** The accounts that paid for a key. */
  async accountsOf(key: string): Promise<readonly string[]> {
    const index = this.#names.accountsOfKey(key)
    return members(await this.#client.send(index, ['SMEMBERS', index]))
  }

  async #elsewhere({ script }: Step, { rest: [key, accounts] }: Answer): Promise<string> {
    const sums = [0, 0, 0, 0]
    const add = async (account: string): Promise<void> => {
      const { rest } = await this.run({ script: spendingScript, account, args: [text(key)] })
      for (const [index, sum] of rest.entries()) sums[index] = (sums[index] ?? 0) + integer(sum)
    }
    // A charge must not wait for another account to be restored: what was spent there only bounds it.
    const isCharge = script === settleScript
    const adding = members(accounts).map(async (account) => {
      const added = add(account)
      return isCharge ? added.catch(ignoreForgotten) : added
    })
    await Promise.all(adding)
    return sums.join(' ')
  }
}

function ignoreForgotten(error: unknown): void {
  if (!(error instanceof RedisForgotError)) throw error
}

function seenIn({ generation, steps, granted, settled }: Answer): Seen {
  return { generation, steps, granted, settled }
}

/** The members of a set: a list, or with some settings of node-redis a Set. */
function members(value: unknown): string[] {
  return (value instanceof Set ? [...value] : list(value)).map(text)
}

function forgotten(account: string, lost?: number): RedisForgotError {
  if (lost === undefined) return new RedisForgotError(account, 'the money')
  // Others may have made as many since.
  return new RedisForgotError(account, lost > 0 ? `the newest ${lost} steps` : 'the newest steps')
}
