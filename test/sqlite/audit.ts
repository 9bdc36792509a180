import { expect } from 'vitest'
import { Database, type Row } from './driver.js'

/** What must be true of a file at any time, and the rows for which it is not. */
const rules: Readonly<Record<string, string>> = {
  'held of an account is the sum of its open reservations': `
    SELECT name FROM lazu_accounts WHERE held <> (SELECT coalesce(sum(amount), 0)
      FROM lazu_reservations WHERE account = number AND ended IS NULL)`,
  'granted is the sum of the credits': `
    SELECT name FROM lazu_accounts WHERE granted <> (SELECT coalesce(sum(amount), 0)
      FROM lazu_credits WHERE account = number)`,
  'settled is the sum of the charges': `
    SELECT name FROM lazu_accounts WHERE settled <> (SELECT coalesce(sum(charged), 0)
      FROM lazu_reservations WHERE account = number)`,
  'settled is the sum of the days': `
    SELECT name FROM lazu_accounts WHERE settled <> (SELECT coalesce(sum(amount), 0)
      FROM lazu_usage WHERE account = number)`,
  'nothing was promised that is not there': `
    SELECT name FROM lazu_accounts WHERE granted - settled - held < 0 AND NOT EXISTS (SELECT 1
      FROM lazu_reservations WHERE account = number AND charged > amount)`,
  'held of a key is the sum of its open reservations': `
    SELECT key_id FROM lazu_spending WHERE held <> (SELECT coalesce(sum(amount), 0)
      FROM lazu_reservations WHERE key = number AND ended IS NULL)`,
  'what a key spent is the sum of its charges': `
    SELECT key_id FROM lazu_spending WHERE spent <> (SELECT coalesce(sum(charged), 0)
      FROM lazu_reservations WHERE key = number)`,
  'what a key spent is the sum of its days': `
    SELECT key_id FROM lazu_spending WHERE spent <> (SELECT coalesce(sum(amount), 0)
      FROM lazu_usage WHERE key = number)`,
  'the days count each settled reservation': `
    SELECT 1 WHERE (SELECT coalesce(sum(requests), 0) FROM lazu_usage) <>
      (SELECT count(*) FROM lazu_reservations WHERE ended = 'settled')`,
  'a reservation is made once, and ends once at most': `
    SELECT id FROM lazu_movements WHERE kind <> 'grant' GROUP BY id
      HAVING sum(kind = 'reserve') <> 1 OR count(*) > 2`,
  'a reservation is charged when it is settled, and then only': `
    SELECT id FROM lazu_reservations WHERE (ended IS 'settled') <> (charged IS NOT NULL)
      OR (ended IS NULL) <> (ended_at_ms IS NULL)`,
  'every row has what it refers to': 'PRAGMA foreign_key_check',
}

/** What a file holds, for tests that know what it should. */
export interface Contents {
  /** The amounts of the credits, by their reference. */
  readonly credits: ReadonlyMap<string, number>
  /** The charges, by the id of their reservation. */
  readonly charges: ReadonlyMap<string, number>
  /** What open reservations hold, by their id. */
  readonly open: ReadonlyMap<string, number>
}

/** Looks a file over that no other process is writing to, and says what is in it. */
export function audit(path: string): Contents {
  const database = new Database(path)
  const rows = (sql: string): readonly Row[] => database.prepare(sql).all()
  const amounts = (sql: string): Map<string, number> =>
    new Map(rows(sql).map(({ name, amount }) => [name, amount]))
  try {
    expect(rows('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    for (const [rule, exceptions] of Object.entries(rules)) {
      expect(rows(exceptions), rule).toEqual([])
    }
    return {
      credits: amounts('SELECT reference AS name, amount FROM lazu_credits'),
      charges: amounts(
        'SELECT id AS name, charged AS amount FROM lazu_reservations WHERE charged IS NOT NULL',
      ),
      open: amounts('SELECT id AS name, amount FROM lazu_reservations WHERE ended IS NULL'),
    }
  } finally {
    database.close()
  }
}
