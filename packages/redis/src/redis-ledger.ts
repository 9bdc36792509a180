import {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkTokens,
  checkTtlMs,
  checkUsageQuery,
  GatewayError,
  type AccountBalance,
  type AccountPage,
  type Balance,
  type ChargedTokens,
  type Ledger,
  type Movement,
  type Reservation,
  type ReserveRequest,
  type Settled,
  type UsageQuery,
  type UsageSum,
} from '@lazu/core'
import { accountNames, accountPage } from './account-pages.js'
import { balanceIn, tooLarge } from './answer.js'
import type { RedisClient } from './clients/redis-client.js'
import { DurableBehindError, failingAs, type FailureCondition } from './failures.js'
import { drainAccount, type Asking, type JournalSink } from './journal.js'
import { checkName, type KeyNames } from './key-names.js'
import { Reservations } from './reservations.js'
import { balanceScript, creditScript, openScript } from './scripts/step-scripts.js'
import { checkServers, type Servers } from './server-check.js'
import { Steps, type StepsParts } from './steps.js'
import { usageSums } from './usage-sums.js'

/**
 * A ledger in Redis or Valkey. Every step is one script on the account's own keys, so that any number
 * of processes are exact together.
 *
 * - Time is the server's. A process whose clock is wrong decides as all others do.
 * - A reservation expires by itself; what is over is ended by whatever is done to its account next.
 *   How it ended is remembered for eleven minutes.
 * - A charge counts in the day and the month (UTC) in which it is settled, whenever it was reserved.
 *   What a key holds counts against each of its caps.
 * - What was charged is added up by day for `usage`, and kept for 400 days.
 * - When Redis has forgotten an account this process knows, each step on it fails with a GatewayError
 *   whose cause is a RedisForgotError, until it is loaded again.
 */
export class RedisLedger implements Ledger {
  readonly #client: RedisClient
  readonly #names: KeyNames
  readonly #durable: StepsParts['durable']
  readonly #steps: Steps
  readonly #reservations: Reservations
  #servers: Promise<Servers> | undefined
  #drained: Promise<unknown> = Promise.resolve()

  /** Made by `redisLedger`. */
  constructor(parts: StepsParts) {
    this.#client = parts.client
    this.#names = parts.names
    this.#durable = parts.durable
    this.#steps = new Steps(parts)
    this.#reservations = new Reservations(parts.client, parts.names, this.#steps)
  }

  /**
   * Holds an amount. See `Ledger.reserve`. The balance is looked at first, then the caps: total,
   * month, day.
   *
   * @throws GatewayError `insufficient_quota`, `key_quota_exceeded`, `quota_conflict` or
   *   `store_write_failed`
   * @throws RangeError for an amount, cap, ttlMs or name that is none
   */
  async reserve(request: ReserveRequest): Promise<Reservation> {
    checkReserveRequest(request)
    checkName('id', request.id)
    checkName('account', request.account)
    checkName('key', request.key)
    if (request.model !== undefined) checkName('model', request.model)
    return this.#within('store_write_failed', async (servers) =>
      this.#reservations.reserve(request, servers),
    )
  }

  /**
   * Ends a reservation with a charge. See `Ledger.settle`. One that this process made and Redis has
   * forgotten is charged all the same.
   *
   * @throws GatewayError `store_write_failed`; whether it was charged then shows a second try
   * @throws RangeError for an amount or a number of tokens that is none, or that makes a sum too
   *   large to be exact; the reservation is open then as before
   */
  async settle(id: string, amount: number, tokens?: ChargedTokens): Promise<Settled | undefined> {
    checkAmount('amount', amount)
    if (tokens !== undefined) checkTokens(tokens)
    checkName('id', id)
    return this.#within('store_write_failed', async () =>
      this.#reservations.settle(id, amount, tokens),
    )
  }

  /**
   * Ends a reservation without a charge. See `Ledger.release`.
   *
   * @throws GatewayError `store_write_failed`
   */
  async release(id: string): Promise<Settled | undefined> {
    checkName('id', id)
    return this.#within('store_write_failed', async () => this.#reservations.release(id))
  }

  /**
   * Holds an open reservation for `ttlMs` from now. See `Ledger.extend`.
   *
   * @throws GatewayError `store_write_failed`
   * @throws RangeError for a ttlMs that is none
   */
  async extend(id: string, ttlMs: number): Promise<boolean> {
    checkTtlMs(ttlMs)
    checkName('id', id)
    return this.#within('store_write_failed', async (servers) =>
      this.#reservations.extend(id, ttlMs, servers),
    )
  }

  /**
   * An account's money now. See `Ledger.balance`.
   *
   * @throws GatewayError `store_read_failed`
   */
  async balance(account: string): Promise<Balance> {
    checkName('account', account)
    return this.#within('store_read_failed', async () =>
      balanceIn(await this.#steps.run({ script: balanceScript, account, args: [] })),
    )
  }

  /**
   * Adds to an account. The same reference on the same account adds once, whatever the amount. With
   * a durable ledger it is credited there first, so that no payment is lost with Redis.
   *
   * @throws GatewayError `store_write_failed`; it may be repeated with the same reference. Its cause is a
   *   DurableBehindError while the durable ledger has been granted less than Redis knows
   * @throws RangeError for an amount or a name that is none, or an amount that makes the sum too
   *   large to be exact
   */
  async credit(account: string, amount: number, reference: string): Promise<Balance> {
    checkAmount('amount', amount)
    checkName('account', account)
    checkName('reference', reference)
    const answer = await this.#within('store_write_failed', async () => {
      const durable = await this.#creditDurable(account, amount, reference)
      const args = [String(amount), reference, String(durable?.granted ?? '')]
      return this.#steps.run({ script: creditScript, account, args })
    })
    if (answer.status === 'range') throw tooLarge('what was credited')
    return balanceIn(answer)
  }

  /**
   * Redis takes what a durable ledger has been granted by then. One that knows of less than Redis would
   * have Redis take this payment for one it has already.
   */
  async #creditDurable(
    account: string,
    amount: number,
    reference: string,
  ): Promise<Balance | undefined> {
    if (this.#durable === undefined) return undefined
    const { granted } = await this.#steps.run({ script: balanceScript, account, args: [] })
    // Asked later: every payment is there before it is in Redis.
    const durable = await this.#durable.balance(account)
    if (durable.granted < granted) throw new DurableBehindError(account)
    return this.#durable.credit(account, amount, reference)
  }

  /**
   * Makes an account that has nothing. Whether it is new.
   *
   * @throws GatewayError `store_write_failed`
   * @throws RangeError for a name that is none
   */
  async createAccount(account: string): Promise<boolean> {
    checkName('account', account)
    const { status } = await this.#within('store_write_failed', async () =>
      this.#steps.run({ script: openScript, account, args: [] }),
    )
    return status === 'new'
  }

  /**
   * A page of accounts. See `Ledger.accounts`. One that Redis has forgotten is not among them until
   * it is restored.
   *
   * @throws GatewayError `store_read_failed`
   * @throws RangeError for a limit that is none
   */
  async accounts(page: AccountPage): Promise<readonly AccountBalance[]> {
    checkPageLimit(page.limit)
    if (page.after !== undefined) checkName('after', page.after)
    return this.#within('store_read_failed', async () =>
      accountPage(this.#client, this.#names, this.#steps, page),
    )
  }

  /**
   * What was spent. See `Ledger.usage`.
   *
   * @throws GatewayError `store_read_failed`
   * @throws RangeError naming the field that is wrong
   */
  async usage(query: UsageQuery): Promise<readonly UsageSum[]> {
    checkUsageQuery(query)
    return this.#within('store_read_failed', async () => usageSums(this.#steps, query))
  }

  /**
   * What happened to a reservation that is open or ended of late. See `Ledger.movements`.
   *
   * @throws GatewayError `store_read_failed`
   */
  async movements(id: string): Promise<readonly Movement[]> {
    checkName('id', id)
    return this.#within('store_read_failed', async () => this.#reservations.movements(id))
  }

  /**
   * Loads an account again that Redis has forgotten, with sums somebody knows from elsewhere. Sums
   * that are lower than what a process on it has seen become what that has seen. Doing it twice is
   * harmless; an account that Redis has not forgotten stays as it is.
   *
   * @param sums all that was ever credited, and all that was ever charged, in micro-USD
   * @throws GatewayError `store_write_failed`
   * @throws RangeError for sums that are none
   */
  async restore(account: string, sums: Pick<Balance, 'granted' | 'settled'>): Promise<Balance> {
    checkName('account', account)
    checkAmount('granted', sums.granted)
    checkAmount('settled', sums.settled)
    return this.#within('store_write_failed', async () =>
      balanceIn(await this.#steps.restore(account, sums)),
    )
  }

  /**
   * Hands out what the journals of all accounts have, in order for each account, and removes what
   * was taken. Every entry is handed out at least once: after a failure, some are handed out again.
   * One that is under way on this ledger is waited for.
   *
   * @param into keeps entries for good, by their `entry`. What it throws ends the draining and is
   *   thrown on; a GatewayError of a status below 500, which is about one account, is thrown when all
   *   others are drained
   * @returns how many entries it was
   * @throws GatewayError `store_read_failed`
   * @example
   * ```ts
   * await ledger.drainJournal(async (entries) => {
   *   await appendFile('journal.ndjson', entries.map((e) => JSON.stringify(e) + '\n').join(''))
   * })
   * ```
   */
  async drainJournal(into: JournalSink): Promise<number> {
    const drained = this.#drained.then(() => this.#drain(into))
    // How it went concerns those alone who asked for it.
    this.#drained = drained.catch(() => undefined)
    return drained
  }

  async #drain(into: JournalSink): Promise<number> {
    const asking: Asking = async (ask) => this.#within('store_read_failed', ask)
    const client: RedisClient = {
      send: (key, args) => asking(async () => this.#client.send(key, args)),
      sendToAll: (args) => this.#client.sendToAll(args),
    }
    let drained = 0
    let refusal: GatewayError | undefined
    for await (const account of accountNames(client, this.#names)) {
      const accountKey = this.#names.account(account)
      try {
        drained += await drainAccount(this.#client, asking, accountKey, account, into)
      } catch (error) {
        if (!GatewayError.is(error) || error.status >= 500) throw error
        refusal ??= error
      }
    }
    if (refusal !== undefined) throw refusal
    return drained
  }

  /** Looks at the servers once, before anything else. */
  async #within<T>(
    condition: FailureCondition,
    action: (servers: Servers) => Promise<T>,
  ): Promise<T> {
    return failingAs(condition, async () => {
      this.#servers ??= checkServers(this.#client, this.#names)
      const checking = this.#servers
      try {
        await checking
      } catch (error) {
        // Who could not be reached is looked at again.
        if (this.#servers === checking) this.#servers = undefined
        throw error
      }
      return action(await checking)
    })
  }
}
