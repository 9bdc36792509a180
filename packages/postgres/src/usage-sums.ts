import { checkUsageQuery, dateOfDay, dayOfDate, type UsageQuery, type UsageSum } from '@lazu/core'
import type { Database } from './database.js'
import { integer, text, type Row } from './rows.js'
import { encodeText } from './text.js'

const groups: Readonly<Record<UsageQuery['by'], string>> = {
  day: 'day::text',
  model: 'model',
  key: 'key_id',
}

/** Answers `Ledger.usage`. */
export async function usageSums(database: Database, query: UsageQuery): Promise<UsageSum[]> {
  checkUsageQuery(query)
  const { schema } = database
  const [owner, name] =
    'account' in query
      ? [`account = (SELECT number FROM ${schema}.accounts WHERE name = $1)`, query.account]
      : [`key = (SELECT number FROM ${schema}.spending WHERE key_id = $1)`, query.key]
  const group = groups[query.by]
  const sums = ['requests', 'amount', 'input_tokens', 'output_tokens'].map(
    (column) => `sum(charges.${column})::text AS ${column}`,
  )
  const rows = await database.read(
    `SELECT name, requests, amount, input_tokens, output_tokens FROM (
      SELECT ${group} AS name, ${sums.join(', ')} FROM (
        SELECT * FROM ${schema}.usage WHERE ${owner} AND day BETWEEN $2 AND $3
      ) AS charges
      ${query.by === 'key' ? `JOIN ${schema}.spending ON number = key` : ''}
      GROUP BY ${group}
    ) AS sums ORDER BY ${query.by === 'day' ? 'name::bigint' : 'name'}`,
    encodeText(name),
    dayOfDate('from', query.from),
    dayOfDate('to', query.to),
  )
  return rows.map((row) => sumOf(row, query.by))
}

function sumOf(row: Row, by: UsageQuery['by']): UsageSum {
  return {
    name: by === 'day' ? dateOfDay(integer(row, 'name')) : text(row, 'name'),
    requests: integer(row, 'requests'),
    amount: integer(row, 'amount'),
    inputTokens: integer(row, 'input_tokens'),
    outputTokens: integer(row, 'output_tokens'),
  }
}
