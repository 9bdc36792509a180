import { ConfigurationError } from '@lazu/core/stores'
import type { Connection } from './connection.js'
import { integer } from './database.js'

/**
 * The schema, in the steps it was made in. A step that was released is never changed: what is to be
 * different is a step of its own.
 *
 * Amounts are whole numbers of micro-USD. Columns `..._at_ms` are wall time in milliseconds since
 * 1970; `held_at` and `expires_at` are the store's own time, which no clock that is set can move.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE lazu_keys (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    revision INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lazu_keys_by_account ON lazu_keys (account, id);
  CREATE TABLE lazu_key_digests (
    digest TEXT PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES lazu_keys (id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE lazu_clock (offset_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE lazu_accounts (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    granted INTEGER NOT NULL DEFAULT 0 CHECK (granted >= 0),
    settled INTEGER NOT NULL DEFAULT 0 CHECK (settled >= 0),
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0)
  ) STRICT;
  CREATE TABLE lazu_credits (
    account INTEGER NOT NULL REFERENCES lazu_accounts (number),
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    credited_at_ms INTEGER NOT NULL,
    PRIMARY KEY (account, reference)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lazu_spending (
    number INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    spent INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    day INTEGER NOT NULL DEFAULT -1,
    day_spent INTEGER NOT NULL DEFAULT 0,
    month INTEGER NOT NULL DEFAULT -1,
    month_spent INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE lazu_reservations (
    id TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES lazu_accounts (number),
    key INTEGER NOT NULL REFERENCES lazu_spending (number),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    model TEXT,
    reserved_at_ms INTEGER NOT NULL,
    held_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended TEXT CHECK (ended IN ('settled', 'released', 'expired')),
    ended_at_ms INTEGER,
    charged INTEGER CHECK (charged >= 0),
    input_tokens INTEGER,
    output_tokens INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lazu_reservations_open ON lazu_reservations (expires_at) WHERE ended IS NULL;
  CREATE TABLE lazu_usage (
    account INTEGER NOT NULL REFERENCES lazu_accounts (number),
    day INTEGER NOT NULL,
    key INTEGER NOT NULL REFERENCES lazu_spending (number),
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    PRIMARY KEY (account, day, key, model)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lazu_usage_by_key ON lazu_usage (key, day);
  CREATE VIEW lazu_movements AS
    SELECT 'grant' AS kind, credited_at_ms AS at_ms, name AS account, NULL AS key_id,
      reference AS id, NULL AS model, amount, NULL AS input_tokens, NULL AS output_tokens
    FROM lazu_credits JOIN lazu_accounts ON number = account
    UNION ALL
    SELECT 'reserve', reserved_at_ms, name, key_id, id, model, amount, NULL, NULL
    FROM lazu_reservations
    JOIN lazu_accounts ON lazu_accounts.number = account
    JOIN lazu_spending ON lazu_spending.number = key
    UNION ALL
    SELECT ended, ended_at_ms, name, key_id, id, model,
      CASE ended WHEN 'settled' THEN charged ELSE amount END, input_tokens, output_tokens
    FROM lazu_reservations
    JOIN lazu_accounts ON lazu_accounts.number = account
    JOIN lazu_spending ON lazu_spending.number = key
    WHERE ended IS NOT NULL;
  `,
  `
  CREATE TABLE lazu_requests (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
  ) STRICT;
  `,
]

/**
 * Brings a database to the newest schema, each step in a transaction of its own. Several processes
 * may do this at once.
 *
 * @throws ConfigurationError when a newer version of this package has written to it
 */
export function migrate(connection: Connection, path: string): void {
  let version = versionOf(connection)
  while (version !== migrations.length) {
    if (version > migrations.length || version < 0) {
      throw new ConfigurationError(
        'LAZU_CONFIG_STORE',
        path,
        `has schema version ${version}, and this @lazu/sqlite knows versions up to ` +
          String(migrations.length),
        'Install the newer @lazu/sqlite that wrote it, or restore a backup from before.',
      )
    }
    const before = version
    version = connection.inTransaction(() => {
      // Another process may have been first.
      const now = versionOf(connection)
      const migration = migrations[now]
      if (now !== before || migration === undefined) return now
      connection.execute(migration)
      connection.execute(
        'CREATE TABLE IF NOT EXISTS lazu_schema (version INTEGER NOT NULL) STRICT;' +
          'DELETE FROM lazu_schema;' +
          `INSERT INTO lazu_schema VALUES (${now + 1})`,
      )
      return now + 1
    })
  }
}

/** The schema version of a database; 0 when there is nothing of ours in it. */
function versionOf(connection: Connection): number {
  const there = connection.prepare(
    "SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table' AND name = 'lazu_schema'",
  )
  const tables = there.get()
  if (tables === undefined || integer(tables, 'tables') === 0) return 0
  const row = connection.prepare('SELECT version FROM lazu_schema').get()
  return row === undefined ? 0 : integer(row, 'version')
}
