import type { ChargedTokens, UsageQuery, UsageSum } from '@lazu/core'
import { dateOfDay, dayOfDate } from '@lazu/core/stores'
import { checkUsage } from './arguments.js'
import type { Connection, Statement } from './connection.js'
import { integer, text, type Row } from './database.js'

const groups: Readonly<Record<UsageQuery['by'], string>> = {
  day: 'lazu_usage.day',
  model: 'model',
  key: 'key_id',
}

/** What was charged, added up by account, day (UTC), key and model. */
export class UsageSums {
  readonly #connection: Connection
  readonly #add: Statement

  constructor(connection: Connection) {
    this.#connection = connection
    this.#add = connection.prepare(
      'INSERT INTO lazu_usage ' +
        '(account, day, key, model, requests, amount, input_tokens, output_tokens) ' +
        "SELECT account, ?, key, coalesce(model, ''), 1, ?, ?, ? " +
        'FROM lazu_reservations WHERE id = ? ' +
        'ON CONFLICT (account, day, key, model) DO UPDATE SET requests = requests + 1, ' +
        'amount = amount + excluded.amount, ' +
        'input_tokens = input_tokens + excluded.input_tokens, ' +
        'output_tokens = output_tokens + excluded.output_tokens',
    )
  }

  /**
   * Adds the charge of a reservation; within a transaction.
   *
   * @param day in days since 1970
   */
  add(id: string, day: number, amount: number, tokens: ChargedTokens | undefined): void {
    const { inputTokens = 0, outputTokens = 0 } = tokens ?? {}
    this.#add.run(day, amount, inputTokens, outputTokens, id)
  }

  /** Answers `Ledger.usage`. */
  sums(query: UsageQuery): readonly UsageSum[] | Promise<readonly UsageSum[]> {
    checkUsage(query)
    const fromDay = dayOfDate('from', query.from)
    const toDay = dayOfDate('to', query.to)
    const { account, key = '' }: { account?: string; key?: string } = query
    const [owner, name] = account === undefined ? ['key_id', key] : ['lazu_accounts.name', account]
    const sql =
      `SELECT CAST(${groups[query.by]} AS BLOB) AS name, sum(requests) AS requests, ` +
      'sum(amount) AS amount, sum(input_tokens) AS input_tokens, ' +
      'sum(output_tokens) AS output_tokens FROM lazu_usage ' +
      'JOIN lazu_accounts ON lazu_accounts.number = account ' +
      'JOIN lazu_spending ON lazu_spending.number = key ' +
      `WHERE ${owner} = ? AND lazu_usage.day BETWEEN ? AND ? ` +
      `GROUP BY ${groups[query.by]} ORDER BY ${groups[query.by]}`
    return this.#connection.read(() => {
      const rows = this.#connection.prepare(sql).all(name, fromDay, toDay)
      return rows.map((row) => sumOf(row, query.by))
    })
  }
}

function sumOf(row: Row, by: UsageQuery['by']): UsageSum {
  const name = text(row, 'name')
  return {
    name: by === 'day' ? dateOfDay(Number(name)) : name,
    requests: integer(row, 'requests'),
    amount: integer(row, 'amount'),
    inputTokens: integer(row, 'input_tokens'),
    outputTokens: integer(row, 'output_tokens'),
  }
}
