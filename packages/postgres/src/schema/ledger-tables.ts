/**
 * What the ledger keeps.
 *
 * Amounts are whole numbers of micro-USD. Columns `..._at_ms` are milliseconds since 1970 and are
 * told to people; `expires_at` is the time by which reservations end. Both are the database's: they
 * differ only in tests.
 *
 * `held` includes reservations whose time is over until somebody ends them. Whoever reads it takes
 * those off, which an index of the open ones makes cheap.
 */
export const ledgerTables = (schema: string): string => `
CREATE TABLE ${schema}.accounts (
  number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text COLLATE "C" NOT NULL UNIQUE,
  granted bigint NOT NULL DEFAULT 0 CHECK (granted >= 0),
  settled bigint NOT NULL DEFAULT 0 CHECK (settled >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0)
) WITH (fillfactor = 50);
CREATE TABLE ${schema}.credits (
  account bigint NOT NULL REFERENCES ${schema}.accounts (number),
  reference text COLLATE "C" NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  credited_at_ms bigint NOT NULL,
  PRIMARY KEY (account, reference)
);
CREATE TABLE ${schema}.spending (
  number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  key_id text COLLATE "C" NOT NULL UNIQUE,
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  day bigint NOT NULL DEFAULT -1,
  day_spent bigint NOT NULL DEFAULT 0,
  month bigint NOT NULL DEFAULT -1,
  month_spent bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE ${schema}.reservations (
  id text COLLATE "C" PRIMARY KEY,
  account bigint NOT NULL REFERENCES ${schema}.accounts (number),
  key bigint NOT NULL REFERENCES ${schema}.spending (number),
  amount bigint NOT NULL CHECK (amount >= 0),
  model text COLLATE "C",
  reserved_at_ms bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended text CHECK (ended IN ('settled', 'released', 'expired')),
  ended_at_ms bigint,
  charged bigint CHECK (charged >= 0),
  input_tokens bigint,
  output_tokens bigint
);
CREATE INDEX reservations_open ON ${schema}.reservations (account, expires_at)
  WHERE ended IS NULL;
CREATE INDEX reservations_open_by_key ON ${schema}.reservations (key, expires_at)
  WHERE ended IS NULL;
CREATE TABLE ${schema}.usage (
  account bigint NOT NULL REFERENCES ${schema}.accounts (number),
  day bigint NOT NULL,
  key bigint NOT NULL REFERENCES ${schema}.spending (number),
  model text COLLATE "C" NOT NULL,
  requests bigint NOT NULL,
  amount bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  PRIMARY KEY (account, day, key, model)
) WITH (fillfactor = 70);
CREATE INDEX usage_by_key ON ${schema}.usage (key, day);
CREATE VIEW ${schema}.movements AS
  SELECT 'grant' AS kind, credited_at_ms AS at_ms, name AS account, NULL AS key_id,
    reference AS id, NULL AS model, amount, NULL::bigint AS input_tokens,
    NULL::bigint AS output_tokens
  FROM ${schema}.credits JOIN ${schema}.accounts ON number = account
  UNION ALL
  SELECT 'reserve', reserved_at_ms, name, key_id, id, model, amount, NULL, NULL
  FROM ${schema}.reservations
  JOIN ${schema}.accounts ON accounts.number = account
  JOIN ${schema}.spending ON spending.number = key
  UNION ALL
  SELECT ended, ended_at_ms, name, key_id, id, model,
    CASE ended WHEN 'settled' THEN charged ELSE reservations.amount END,
    input_tokens, output_tokens
  FROM ${schema}.reservations
  JOIN ${schema}.accounts ON accounts.number = account
  JOIN ${schema}.spending ON spending.number = key
  WHERE ended IS NOT NULL;
`
