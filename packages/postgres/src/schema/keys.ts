/**
 * The keys, and the functions that change them.
 *
 * A key that is added or changed is told to everybody who listens on `lazu_keys_<schema>`, in the
 * transaction that makes it. What is told is the key's id, or nothing when that is too long for it.
 */
export const keysSchema = (schema: string): string => `
CREATE TABLE ${schema}.keys (
  id text COLLATE "C" PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  record text NOT NULL
);
CREATE INDEX keys_by_account ON ${schema}.keys (account, id);
CREATE TABLE ${schema}.key_digests (
  digest text COLLATE "C" PRIMARY KEY,
  key_id text COLLATE "C" NOT NULL REFERENCES ${schema}.keys (id)
);
CREATE INDEX key_digests_by_key ON ${schema}.key_digests (key_id);

CREATE FUNCTION ${schema}.tell_key(p_id text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify(
    'lazu_keys_${schema.replaceAll('"', '')}',
    CASE WHEN octet_length(p_id) < 4000 THEN p_id ELSE '' END
  )
$$;

CREATE FUNCTION ${schema}.insert_key(
  p_id text, p_account text, p_revision bigint, p_record text, p_digests text[]
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  violated text;
BEGIN
  INSERT INTO ${schema}.keys (id, account, revision, record)
    VALUES (p_id, p_account, p_revision, p_record);
  INSERT INTO ${schema}.key_digests (digest, key_id)
    SELECT digest, p_id FROM unnest(p_digests) AS digest ORDER BY digest COLLATE "C";
  PERFORM ${schema}.tell_key(p_id);
  RETURN 'done';
EXCEPTION WHEN unique_violation THEN
  GET STACKED DIAGNOSTICS violated = TABLE_NAME;
  RETURN CASE violated WHEN 'keys' THEN 'id_taken' ELSE 'digest_taken' END;
END $$;

CREATE FUNCTION ${schema}.replace_key(
  p_id text, p_account text, p_revision bigint, p_record text, p_digests text[]
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ${schema}.keys SET account = p_account, revision = p_revision, record = p_record
    WHERE id = p_id AND revision = p_revision - 1;
  IF NOT FOUND THEN
    PERFORM FROM ${schema}.keys WHERE id = p_id;
    RETURN CASE WHEN FOUND THEN 'changed_meanwhile' ELSE 'not_found' END;
  END IF;
  DELETE FROM ${schema}.key_digests WHERE key_id = p_id;
  INSERT INTO ${schema}.key_digests (digest, key_id)
    SELECT digest, p_id FROM unnest(p_digests) AS digest ORDER BY digest COLLATE "C";
  PERFORM ${schema}.tell_key(p_id);
  RETURN 'done';
EXCEPTION WHEN unique_violation THEN
  RETURN 'digest_taken';
END $$;
`
