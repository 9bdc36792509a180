import { dayOfDate } from '@lazu/core'
import type { Database } from './database.js'
import { integer } from './rows.js'

/** How many reservations are looked at in one transaction. */
const sliceLength = 1_000

const dayMs = 86_400_000

/** For as long a ledger tells whoever asks again how a reservation ended. */
const rememberedMs = 60 * 60_000

/**
 * Deletes the reservations that ended before a day (UTC); their daily sums stay. See
 * `PostgresLedger.compact`.
 */
export async function compact(database: Database, before: string): Promise<number> {
  const { schema } = database
  const beforeMs = dayOfDate('before', before) * dayMs
  while (await expireSome(database)) {
    // Those of accounts that nobody uses any more are over, and have not been ended.
  }
  let deleted = 0
  let after: string | undefined = ''
  while (after !== undefined) {
    const [row = {}] = await database.write(
      `WITH slice AS (
        SELECT id FROM ${schema}.reservations WHERE id > $1 ORDER BY id LIMIT $2
      ), deleted AS (
        DELETE FROM ${schema}.reservations WHERE id IN (SELECT id FROM slice)
          AND ended_at_ms < least($3, coalesce($4, ${schema}.now_ms()) - $5) RETURNING id
      ) SELECT (SELECT max(id) FROM slice) AS last, (SELECT count(*) FROM deleted) AS deleted`,
      after,
      sliceLength,
      beforeMs,
      database.wallMs(),
      rememberedMs,
    )
    deleted += integer(row, 'deleted')
    const last = row['last']
    after = typeof last === 'string' ? last : undefined
  }
  return deleted
}

async function expireSome(database: Database): Promise<boolean> {
  const [row = {}] = await database.write(
    `SELECT ${database.schema}.expire_some($1, $2)::int AS some`,
    database.nowMs(),
    database.wallMs(),
  )
  return integer(row, 'some') === 1
}
