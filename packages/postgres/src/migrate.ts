import { ConfigurationError, GatewayError } from '@lazu/core'
import { newestVersion, stepSql } from './migrations.js'
import type { PostgresClient, PostgresPool, PostgresResult } from './pool.js'
import { integer, rowOf, type Row } from './rows.js'

type Run = (text: string, values?: unknown[]) => Promise<PostgresResult>

/**
 * Brings a schema to the newest version, each step in a transaction of its own. Several processes
 * may do this at once.
 *
 * @param path what the pool is called where the user wrote it
 * @throws ConfigurationError when a newer version of this package has written to it
 * @throws GatewayError `store_write_failed` with pg's error inside
 */
export async function migrate(pool: PostgresPool, schema: string, path: string): Promise<void> {
  const known = await versionOf((text, values) => pool.query(text, values), schema).catch(fail)
  refuseNewer(known, schema, path)
  let version = known
  while (version < newestVersion) {
    version = await inTransaction(pool, (client) => migrateOnce(client, schema)).catch(fail)
    refuseNewer(version, schema, path)
  }
}

/** Makes the next step, if there is one. Returns the version there is then. */
async function migrateOnce(client: PostgresClient, schema: string): Promise<number> {
  const run: Run = (text, values) => client.query(text, values)
  // Whoever else migrates this schema waits here, and then finds the step done.
  await run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`lazu migrates ${schema}`])
  const version = await versionOf(run, schema)
  const sql = stepSql(version, schema)
  if (sql === undefined) return version
  // Only when it is not there: making one takes a right that the user may not have.
  if (version === 0 && (await count(run, 'pg_namespace', 'nspname = $1', [schema])) === 0) {
    await run(`CREATE SCHEMA "${schema}"`)
  }
  await run(sql)
  return version + 1
}

/** The version of a schema; 0 when there is nothing of ours in it. */
async function versionOf(run: Run, schema: string): Promise<number> {
  const ours = "relname = 'migrations' AND nspname = $1"
  const tables = 'pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace'
  if ((await count(run, tables, ours, [schema])) === 0) return 0
  const row = await first(
    run,
    `SELECT coalesce(max(version), 0) AS version FROM "${schema}".migrations`,
  )
  return integer(row, 'version')
}

/**
 * How many rows of the catalogue there are. `to_regclass` does not know of what another process made
 * while this one waited for the lock.
 */
async function count(run: Run, tables: string, where: string, values: unknown[]): Promise<number> {
  const row = await first(run, `SELECT count(*) AS count FROM ${tables} WHERE ${where}`, values)
  return integer(row, 'count')
}

async function first(run: Run, text: string, values?: unknown[]): Promise<Row> {
  const { rows } = await run(text, values)
  return rowOf(rows[0])
}

async function inTransaction<T>(
  pool: PostgresPool,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const client = await checkOut(pool)
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    giveBack(client)
    return result
  } catch (error) {
    // Closed, which rolls back whatever state it is in.
    giveBack(client, error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** The pool listens to the errors of those connections only that nobody has checked out. */
async function checkOut(pool: PostgresPool): Promise<PostgresClient> {
  const client = await pool.connect()
  client.on('error', ignore)
  return client
}

function giveBack(client: PostgresClient, error?: Error): void {
  client.off('error', ignore)
  client.release(error)
}

/**
 * A connection that is lost is an event, which would end the process if nobody listened. The
 * statement that runs, or the next one, fails and tells.
 */
function ignore(): void {}

function refuseNewer(version: number, schema: string, path: string): void {
  if (version <= newestVersion) return
  throw new ConfigurationError(
    'LAZU_CONFIG_STORE',
    path,
    `has the schema "${schema}" in version ${version}, and this @lazu/postgres knows versions up ` +
      `to ${newestVersion}`,
    'Install the newer @lazu/postgres that wrote it, or restore a backup from before.',
  )
}

function fail(error: unknown): never {
  throw new GatewayError('store_write_failed', { cause: error })
}
