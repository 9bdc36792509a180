import type { ChargedTokens, UsageQuery, UsageSum } from './ledger.js'
import { checkUsageQuery } from './usage-query.js'
import { compareUtf8 } from './utf8-order.js'
import { dateOfDay, dayOfDate } from './utc-calendar.js'

const keptDays = 92

/** What one key of one account was charged for one model on one day. */
interface DailySum {
  readonly account: string
  readonly key: string
  readonly model: string
  requests: number
  amount: number
  inputTokens: number
  outputTokens: number
}

/** The sums of a key's last day: where its next charge most likely belongs. */
export interface KeyUsage {
  day: number
  /** By model, and by account when the key was given to another one; never many. */
  sums: DailySum[]
}

/** A charge as it is added up. */
export interface UsageCharge {
  readonly accountName: string
  readonly keyName: string
  readonly model: string | undefined
  readonly charged: number
  readonly tokens: ChargedTokens | undefined
}

/**
 * What was charged, added up by day, account, key and model. Sums are kept for 92 days; older ones
 * are let go with the first charge of a new day.
 */
export class DailyUsage {
  /** Of each day, by account. There may be two sums of one kind when a clock was set back. */
  readonly #days = new Map<number, Map<string, DailySum[]>>()

  /**
   * Adds a charge to the sums of a day.
   *
   * @param usage what was remembered of the charge's key
   * @param day in days since 1970
   */
  add(charge: UsageCharge, usage: KeyUsage, day: number): void {
    if (usage.day !== day) {
      usage.day = day
      usage.sums = []
    }
    const sum = findSum(usage.sums, charge) ?? this.#open(charge, usage)
    sum.requests++
    sum.amount += charge.charged
    if (charge.tokens === undefined) return
    sum.inputTokens += charge.tokens.inputTokens
    sum.outputTokens += charge.tokens.outputTokens
  }

  /**
   * Answers {@link Ledger.usage}. It takes time for all that the account was charged on these days,
   * or, for a key, for all that anybody was.
   *
   * @throws RangeError for a query that is none
   */
  query(query: UsageQuery): UsageSum[] {
    checkUsageQuery(query)
    const fromDay = dayOfDate('from', query.from)
    const toDay = dayOfDate('to', query.to)
    const totals = new Map<string, UsageSum>()
    for (const [day, accounts] of this.#days) {
      if (day < fromDay || day > toDay) continue
      for (const sum of sumsFor(query, accounts)) {
        const name = query.by === 'day' ? dateOfDay(day) : sum[query.by]
        totals.set(name, plus(totals.get(name), sum, name))
      }
    }
    return [...totals.values()].toSorted((one, other) => compareUtf8(one.name, other.name))
  }

  #open(charge: UsageCharge, usage: KeyUsage): DailySum {
    const { accountName: account, keyName: key, model = '' } = charge
    const sum = { account, key, model, requests: 0, amount: 0, inputTokens: 0, outputTokens: 0 }
    usage.sums.push(sum)
    const accounts = this.#days.get(usage.day) ?? this.#openDay(usage.day)
    const sums = accounts.get(account)
    if (sums === undefined) accounts.set(account, [sum])
    else sums.push(sum)
    return sum
  }

  #openDay(day: number): Map<string, DailySum[]> {
    for (const earlier of this.#days.keys()) {
      if (earlier < day - keptDays) this.#days.delete(earlier)
    }
    const accounts = new Map<string, DailySum[]>()
    this.#days.set(day, accounts)
    return accounts
  }
}

function findSum(sums: readonly DailySum[], charge: UsageCharge): DailySum | undefined {
  const { accountName, model = '' } = charge
  for (const sum of sums) if (sum.model === model && sum.account === accountName) return sum
  return undefined
}

function* sumsFor(
  query: UsageQuery,
  accounts: ReadonlyMap<string, readonly DailySum[]>,
): Iterable<DailySum> {
  if ('account' in query) {
    yield* accounts.get(query.account) ?? []
    return
  }
  for (const sums of accounts.values()) {
    for (const sum of sums) if (sum.key === query.key) yield sum
  }
}

function plus(total: UsageSum | undefined, sum: DailySum, name: string): UsageSum {
  return {
    name,
    requests: (total?.requests ?? 0) + sum.requests,
    amount: (total?.amount ?? 0) + sum.amount,
    inputTokens: (total?.inputTokens ?? 0) + sum.inputTokens,
    outputTokens: (total?.outputTokens ?? 0) + sum.outputTokens,
  }
}
