/** The largest amount that is exact on the other side: Number.MAX_SAFE_INTEGER. */
export const most = '9007199254740991'

/**
 * The steps of the ledger, a function each, so that a step is one round trip and one transaction.
 *
 * Every step that changes something locks in the same order: its account, then keys in the order of
 * their numbers. Nobody can wait in a circle, and whoever has the locks sees sums nobody is changing.
 * A row that is not there yet is made before any lock of its kind is taken. The clock is read when
 * the locks are there, so that a step that had to wait does not go by a time that is over.
 *
 * A refusal is an answer, `outcome`; an exception would be a failure. `p_now` and `p_wall` are NULL
 * except in tests.
 */
export const reserveFunctions = (schema: string): string => `
CREATE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql AS $$
  SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- Ends reservations of an account that are over, a hundred at most. The account is locked already;
-- the keys are locked here, p_key with them, so that all are taken in one order.
CREATE FUNCTION ${schema}.expire(p_account bigint, p_key bigint, p_now bigint, p_wall bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  due text[];
  due_keys bigint[];
BEGIN
  SELECT array_agg(id), array_agg(key) INTO due, due_keys FROM (
    SELECT id, key FROM ${schema}.reservations
    WHERE account = p_account AND ended IS NULL AND expires_at <= p_now
    ORDER BY expires_at LIMIT 100
  ) AS first_due;
  PERFORM FROM ${schema}.spending WHERE number = p_key OR number = ANY (due_keys)
    ORDER BY number FOR NO KEY UPDATE;
  UPDATE ${schema}.accounts SET held = held - (
    SELECT coalesce(sum(amount), 0) FROM ${schema}.reservations WHERE id = ANY (due)
  ) WHERE number = p_account;
  UPDATE ${schema}.spending SET held = held - sums.amount FROM (
    SELECT key, sum(amount) AS amount FROM ${schema}.reservations WHERE id = ANY (due) GROUP BY key
  ) AS sums WHERE number = sums.key;
  UPDATE ${schema}.reservations SET ended = 'expired', ended_at_ms = expires_at + p_wall - p_now
    WHERE id = ANY (due);
END $$;

-- Ends reservations that are over, of one account that has any. Whether there was one.
CREATE FUNCTION ${schema}.expire_some(p_now bigint, p_wall bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  now_ms bigint := coalesce(p_now, ${schema}.now_ms());
  due_account bigint;
BEGIN
  SELECT account INTO due_account FROM ${schema}.reservations
    WHERE ended IS NULL AND expires_at <= now_ms LIMIT 1;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM ${schema}.accounts WHERE number = due_account FOR NO KEY UPDATE;
  PERFORM ${schema}.expire(due_account, NULL, now_ms, coalesce(p_wall, now_ms));
  RETURN true;
END $$;

CREATE FUNCTION ${schema}.reserve(
  p_id text, p_account text, p_key text, p_amount bigint,
  p_total bigint, p_month bigint, p_day bigint, p_ttl_ms bigint, p_model text,
  p_now bigint, p_wall bigint, OUT outcome text, OUT outcome_amount bigint
) LANGUAGE plpgsql AS $$
DECLARE
  a ${schema}.accounts%ROWTYPE;
  k ${schema}.spending%ROWTYPE;
  earlier ${schema}.reservations%ROWTYPE;
  now_ms bigint;
  wall_ms bigint;
  today bigint;
  this_month bigint;
  due bigint;
  due_amount bigint;
  left_in_all bigint;
  left_in_month bigint;
  left_in_day bigint;
BEGIN
  SELECT * INTO a FROM ${schema}.accounts WHERE name = p_account FOR NO KEY UPDATE;
  IF NOT FOUND AND p_amount = 0 AND
    NOT EXISTS (SELECT FROM ${schema}.reservations WHERE id = p_id) THEN
    INSERT INTO ${schema}.accounts (name) VALUES (p_account) ON CONFLICT DO NOTHING;
    SELECT * INTO a FROM ${schema}.accounts WHERE name = p_account FOR NO KEY UPDATE;
  END IF;
  now_ms := coalesce(p_now, ${schema}.now_ms());
  wall_ms := coalesce(p_wall, now_ms);

  SELECT * INTO earlier FROM ${schema}.reservations WHERE id = p_id;
  IF FOUND THEN
    SELECT * INTO k FROM ${schema}.spending WHERE number = earlier.key;
    IF earlier.account = a.number AND k.key_id = p_key AND earlier.ended IS NULL
      AND earlier.expires_at > now_ms THEN
      outcome := 'held';
      outcome_amount := earlier.amount;
    ELSE
      outcome := 'conflict';
    END IF;
    RETURN;
  END IF;

  SELECT count(*), coalesce(sum(amount), 0) INTO due, due_amount FROM ${schema}.reservations
    WHERE account = a.number AND ended IS NULL AND expires_at <= now_ms;
  outcome_amount := coalesce(a.granted - a.settled - a.held + due_amount, 0);
  IF p_amount > outcome_amount THEN
    outcome := 'insufficient';
    outcome_amount := greatest(outcome_amount, -${most});
    RETURN;
  END IF;

  SELECT * INTO k FROM ${schema}.spending WHERE key_id = p_key;
  IF NOT FOUND THEN
    INSERT INTO ${schema}.spending (key_id) VALUES (p_key) ON CONFLICT DO NOTHING;
    SELECT * INTO k FROM ${schema}.spending WHERE key_id = p_key;
  END IF;
  IF due > 0 THEN
    PERFORM ${schema}.expire(a.number, k.number, now_ms, wall_ms);
  END IF;
  SELECT * INTO k FROM ${schema}.spending WHERE number = k.number FOR NO KEY UPDATE;
  IF coalesce(p_total, p_month, p_day) IS NOT NULL THEN
    SELECT k.held - coalesce(sum(amount), 0) INTO k.held FROM ${schema}.reservations
      WHERE key = k.number AND ended IS NULL AND expires_at <= now_ms;
    today := wall_ms / 86400000;
    this_month := ${schema}.month_of(today);
    -- The sum of a window that is over does not count. See spend().
    left_in_all := p_total - k.held - k.spent;
    left_in_month := p_month - k.held - CASE WHEN this_month > k.month THEN 0 ELSE k.month_spent END;
    left_in_day := p_day - k.held - CASE WHEN today > k.day THEN 0 ELSE k.day_spent END;
    IF p_amount > left_in_all THEN
      outcome := 'total';
      outcome_amount := left_in_all;
    ELSIF p_amount > left_in_month THEN
      outcome := 'monthly';
      outcome_amount := left_in_month;
    ELSIF p_amount > left_in_day THEN
      outcome := 'daily';
      outcome_amount := left_in_day;
    END IF;
    IF outcome IS NOT NULL THEN
      outcome_amount := greatest(outcome_amount, 0);
      RETURN;
    END IF;
  END IF;

  -- Before anything is held: another account may have taken the id this very moment.
  INSERT INTO ${schema}.reservations
    (id, account, key, amount, model, reserved_at_ms, expires_at)
    VALUES (p_id, a.number, k.number, p_amount, p_model, wall_ms, now_ms + p_ttl_ms)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    outcome := 'conflict';
    RETURN;
  END IF;
  UPDATE ${schema}.accounts SET held = held + p_amount WHERE number = a.number;
  UPDATE ${schema}.spending SET held = held + p_amount WHERE number = k.number;
  outcome := 'held';
  outcome_amount := p_amount;
END $$;

-- Months since the year 0, of a day.
CREATE FUNCTION ${schema}.month_of(p_day bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (extract(year FROM d) * 12 + extract(month FROM d) - 1)::bigint
  FROM (SELECT DATE '1970-01-01' + p_day::integer AS d) AS dates
$$;
`
