import { keysSchema } from './schema/keys.js'
import { ledgerTables } from './schema/ledger-tables.js'
import { requestsSchema } from './schema/requests.js'
import { reserveFunctions } from './schema/reserve.js'
import { settleFunctions } from './schema/settle.js'

/** The schema that is used unless another one is named. */
export const defaultSchema = 'lazu'

/**
 * The schema, in the steps it was made in. A step that was released is never changed: what is to be
 * different is a step of its own.
 */
const steps: readonly ((schema: string) => string)[] = [
  (schema) => `
CREATE TABLE ${schema}.migrations (
  version integer PRIMARY KEY,
  migrated_at timestamptz NOT NULL DEFAULT now()
);
${keysSchema(schema)}`,
  (schema) => ledgerTables(schema) + reserveFunctions(schema) + settleFunctions(schema),
  requestsSchema,
]

/** The version a database has when every step was done. */
export const newestVersion = steps.length

/** The SQL of the step from a version to the next one; undefined when that is the newest. */
export function stepSql(version: number, schema: string): string | undefined {
  const step = steps[version]
  if (step === undefined) return undefined
  const name = `"${schema}"`
  return `${step(name)}\nINSERT INTO ${name}.migrations (version) VALUES (${version + 1});\n`
}

/** The form of a schema's name: short enough for a channel to be named after it. */
export const schemaForm = /^[a-z_][a-z0-9_]{0,39}$/

/**
 * The SQL that `migrate()` runs, for people who run their own: `psql -v ON_ERROR_STOP=1`. Each step
 * is a transaction; one that was done already, or whose turn it is not, fails and changes nothing.
 *
 * @param fromVersion the version the database has: `SELECT max(version) FROM lazu.migrations`; 0
 *   unless given, for a database with nothing of ours in it
 * @param schema `'lazu'` unless given
 * @throws RangeError for a version or a schema's name that is none
 * @example
 * ```ts
 * writeFileSync('001-lazu.sql', migrationsSql())
 * ```
 */
export function migrationsSql(fromVersion: number = 0, schema: string = defaultSchema): string {
  if (!Number.isInteger(fromVersion) || fromVersion < 0 || fromVersion > newestVersion) {
    throw new RangeError(`fromVersion must be a whole number from 0 to ${newestVersion}`)
  }
  if (!schemaForm.test(schema)) {
    throw new RangeError('schema must be 1 to 40 of a-z 0-9 _, and begin with no digit')
  }
  let sql = ''
  for (let version = fromVersion; version < newestVersion; version++) {
    const before =
      version === 0 ? `CREATE SCHEMA IF NOT EXISTS "${schema}";\n` : check(version, schema)
    sql += `BEGIN;\n${before}${stepSql(version, schema) ?? ''}COMMIT;\n\n`
  }
  return sql
}

/** Fails when a database has another version. */
function check(version: number, schema: string): string {
  return `DO $$ BEGIN
  ASSERT (SELECT max(version) FROM "${schema}".migrations) = ${version},
    'the schema ${schema} does not have version ${version}';
END $$;
`
}
