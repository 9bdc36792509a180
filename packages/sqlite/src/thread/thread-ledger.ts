import type {
  AccountBalance,
  AccountPage,
  Balance,
  ChargedTokens,
  Movement,
  Reservation,
  ReserveRequest,
  Settled,
  UsageQuery,
  UsageSum,
} from '@lazu/core'
import { dayOfDate } from '@lazu/core/stores'
import {
  checkAccountPage,
  checkCredit,
  checkExtend,
  checkName,
  checkReserve,
  checkSettle,
  checkUsage,
} from '../arguments.js'
import type { SqliteLedger } from '../store-parts.js'
import type { StoreThread } from './store-thread.js'

/** The ledger of a store that is in a thread of its own. What needs no file is checked here. */
export class ThreadLedger implements SqliteLedger {
  readonly deadlineMs: number
  readonly #thread: StoreThread

  constructor(thread: StoreThread, deadlineMs: number) {
    this.deadlineMs = deadlineMs
    this.#thread = thread
  }

  reserve(request: ReserveRequest): Promise<Reservation> {
    checkReserve(request)
    return this.#thread.ask('reserve', request)
  }

  settle(id: string, amount: number, tokens?: ChargedTokens): Promise<Settled | undefined> {
    checkSettle(id, amount, tokens)
    return this.#thread.ask('settle', id, amount, tokens)
  }

  release(id: string): Promise<Settled | undefined> {
    checkName('id', id)
    return this.#thread.ask('release', id)
  }

  extend(id: string, ttlMs: number): Promise<boolean> {
    checkExtend(id, ttlMs)
    return this.#thread.ask('extend', id, ttlMs)
  }

  balance(account: string): Promise<Balance> {
    checkName('account', account)
    return this.#thread.ask('balance', account)
  }

  credit(account: string, amount: number, reference: string): Promise<Balance> {
    checkCredit(account, amount, reference)
    return this.#thread.ask('credit', account, amount, reference)
  }

  createAccount(account: string): Promise<boolean> {
    checkName('account', account)
    return this.#thread.ask('createAccount', account)
  }

  accounts(page: AccountPage): Promise<readonly AccountBalance[]> {
    checkAccountPage(page)
    return this.#thread.ask('accounts', page)
  }

  usage(query: UsageQuery): Promise<readonly UsageSum[]> {
    checkUsage(query)
    return this.#thread.ask('usage', query)
  }

  movements(id: string): Promise<readonly Movement[]> {
    checkName('id', id)
    return this.#thread.ask('movements', id)
  }

  async compact(before: string): Promise<number> {
    dayOfDate('before', before)
    return this.#thread.ask('compact', before)
  }
}
