import type { ChargedTokens, Movement } from '@lazu/core'
import type { Database } from './database.js'
import { integer, integerOrNothing, text, textOrNothing, type Row } from './rows.js'
import { encodeText } from './text.js'

/** Answers `Ledger.movements`. */
export async function movementsOf(database: Database, id: string): Promise<Movement[]> {
  const { schema } = database
  // One that is over and that nobody has ended yet has expired.
  const [row] = await database.read(
    `SELECT name, key_id, model, amount, reserved_at_ms, charged, input_tokens, output_tokens,
      CASE WHEN ended IS NULL AND expires_at <= now_ms THEN 'expired' ELSE ended END AS ended,
      CASE WHEN ended IS NULL THEN expires_at + wall_ms - now_ms ELSE ended_at_ms END AS ended_at_ms
    FROM ${schema}.reservations
    JOIN ${schema}.accounts ON accounts.number = account
    JOIN ${schema}.spending ON spending.number = key
    CROSS JOIN LATERAL (SELECT coalesce($2, ${schema}.now_ms()) AS now_ms) AS clock
    CROSS JOIN LATERAL (SELECT coalesce($3, now_ms) AS wall_ms) AS wall
    WHERE id = $1`,
    encodeText(id),
    database.nowMs(),
    database.wallMs(),
  )
  if (row === undefined) return []
  const common = {
    id,
    account: text(row, 'name'),
    key: text(row, 'key_id'),
    model: textOrNothing(row, 'model'),
  }
  const amount = integer(row, 'amount')
  const made: Movement = {
    kind: 'reserve',
    atMs: integer(row, 'reserved_at_ms'),
    ...common,
    amount,
  }
  const kind = row['ended']
  if (kind !== 'settled' && kind !== 'released' && kind !== 'expired') return [made]
  return [
    made,
    {
      kind,
      atMs: integer(row, 'ended_at_ms'),
      ...common,
      amount: kind === 'settled' ? integer(row, 'charged') : amount,
      tokens: tokensOf(row),
    },
  ]
}

function tokensOf(row: Row): ChargedTokens | undefined {
  const inputTokens = integerOrNothing(row, 'input_tokens')
  const outputTokens = integerOrNothing(row, 'output_tokens')
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  return { inputTokens, outputTokens }
}
