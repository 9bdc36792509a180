import { most } from './reserve.js'

/** The steps behind a reservation, and credits. What `reserveFunctions` says holds for them, too. */
export const settleFunctions = (schema: string): string => `
-- Counts a charge of a key, which is locked. The clock may be wrong for a while. Set back by less
-- than a window, the sum stays where it is, so that nobody has the beginning of a day twice. Set back
-- by more, which is what mending a clock that was far ahead does, the sum counts from now on.
CREATE FUNCTION ${schema}.spend(
  p_key bigint, p_held bigint, p_amount bigint, p_today bigint, p_month bigint
) RETURNS void LANGUAGE sql AS $$
  UPDATE ${schema}.spending SET
    spent = spent + p_amount,
    held = held - p_held,
    day = CASE WHEN p_today > day OR p_today < day - 1 THEN p_today ELSE day END,
    day_spent = p_amount + CASE WHEN p_today > day THEN 0 ELSE day_spent END,
    month = CASE WHEN p_month > month OR p_month < month - 1 THEN p_month ELSE month END,
    month_spent = p_amount + CASE WHEN p_month > month THEN 0 ELSE month_spent END
  WHERE number = p_key
$$;

-- Settles a reservation, or releases it when p_amount is NULL. How it ended, also when that was
-- earlier; nothing when there is none.
CREATE FUNCTION ${schema}.finish(
  p_id text, p_amount bigint, p_input_tokens bigint, p_output_tokens bigint,
  p_now bigint, p_wall bigint, OUT outcome text, OUT outcome_amount bigint
) LANGUAGE plpgsql AS $$
DECLARE
  a ${schema}.accounts%ROWTYPE;
  k ${schema}.spending%ROWTYPE;
  r ${schema}.reservations%ROWTYPE;
  now_ms bigint;
  wall_ms bigint;
  today bigint;
BEGIN
  SELECT * INTO r FROM ${schema}.reservations WHERE id = p_id;
  IF r.ended IS NULL THEN
    SELECT * INTO a FROM ${schema}.accounts WHERE number = r.account FOR NO KEY UPDATE;
    SELECT * INTO k FROM ${schema}.spending WHERE number = r.key FOR NO KEY UPDATE;
    now_ms := coalesce(p_now, ${schema}.now_ms());
    wall_ms := coalesce(p_wall, now_ms);
    SELECT * INTO r FROM ${schema}.reservations WHERE id = p_id;
  END IF;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF r.ended IS NOT NULL THEN
    outcome := r.ended;
    outcome_amount := coalesce(r.charged, 0);
    RETURN;
  END IF;

  IF r.expires_at <= now_ms THEN
    outcome := 'expired';
    wall_ms := r.expires_at + wall_ms - now_ms;
  ELSIF p_amount IS NULL THEN
    outcome := 'released';
  ELSIF a.settled + p_amount > ${most} THEN
    outcome := 'account_full';
    RETURN;
  ELSIF k.spent + p_amount > ${most} THEN
    outcome := 'key_full';
    RETURN;
  ELSE
    outcome := 'settled';
    today := wall_ms / 86400000;
    UPDATE ${schema}.reservations SET ended = outcome, ended_at_ms = wall_ms, charged = p_amount,
      input_tokens = p_input_tokens, output_tokens = p_output_tokens WHERE id = p_id;
    UPDATE ${schema}.accounts SET settled = settled + p_amount, held = held - r.amount
      WHERE number = a.number;
    PERFORM ${schema}.spend(k.number, r.amount, p_amount, today, ${schema}.month_of(today));
    INSERT INTO ${schema}.usage AS u
      (account, day, key, model, requests, amount, input_tokens, output_tokens)
      VALUES (a.number, today, k.number, coalesce(r.model, ''), 1, p_amount,
        coalesce(p_input_tokens, 0), coalesce(p_output_tokens, 0))
      ON CONFLICT (account, day, key, model) DO UPDATE SET
        requests = u.requests + 1,
        amount = u.amount + excluded.amount,
        input_tokens = least(u.input_tokens + excluded.input_tokens, ${most}),
        output_tokens = least(u.output_tokens + excluded.output_tokens, ${most});
    outcome_amount := p_amount;
    RETURN;
  END IF;
  UPDATE ${schema}.reservations SET ended = outcome, ended_at_ms = wall_ms WHERE id = p_id;
  UPDATE ${schema}.accounts SET held = held - r.amount WHERE number = a.number;
  UPDATE ${schema}.spending SET held = held - r.amount WHERE number = k.number;
  outcome_amount := 0;
END $$;

-- Whether there was an open reservation.
CREATE FUNCTION ${schema}.extend(p_id text, p_ttl_ms bigint, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  r ${schema}.reservations%ROWTYPE;
  now_ms bigint;
BEGIN
  SELECT * INTO r FROM ${schema}.reservations WHERE id = p_id;
  IF NOT FOUND OR r.ended IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM FROM ${schema}.accounts WHERE number = r.account FOR NO KEY UPDATE;
  PERFORM FROM ${schema}.spending WHERE number = r.key FOR NO KEY UPDATE;
  now_ms := coalesce(p_now, ${schema}.now_ms());
  UPDATE ${schema}.reservations SET expires_at = now_ms + p_ttl_ms
    WHERE id = p_id AND ended IS NULL AND expires_at > now_ms;
  RETURN FOUND;
END $$;

CREATE FUNCTION ${schema}.credit(
  p_account text, p_amount bigint, p_reference text, p_now bigint, p_wall bigint,
  OUT outcome text, OUT granted bigint, OUT settled bigint, OUT held bigint
) LANGUAGE plpgsql AS $$
DECLARE
  a ${schema}.accounts%ROWTYPE;
  now_ms bigint;
BEGIN
  SELECT * INTO a FROM ${schema}.accounts WHERE name = p_account FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO ${schema}.accounts (name) VALUES (p_account) ON CONFLICT DO NOTHING;
    SELECT * INTO a FROM ${schema}.accounts WHERE name = p_account FOR NO KEY UPDATE;
  END IF;
  now_ms := coalesce(p_now, ${schema}.now_ms());
  outcome := 'known';
  PERFORM FROM ${schema}.credits WHERE account = a.number AND reference = p_reference;
  IF NOT FOUND THEN
    IF a.granted + p_amount > ${most} THEN
      outcome := 'account_full';
      RETURN;
    END IF;
    INSERT INTO ${schema}.credits (account, reference, amount, credited_at_ms)
      VALUES (a.number, p_reference, p_amount, coalesce(p_wall, now_ms));
    UPDATE ${schema}.accounts AS c SET granted = c.granted + p_amount WHERE number = a.number;
    a.granted := a.granted + p_amount;
    outcome := 'added';
  END IF;
  granted := a.granted;
  settled := a.settled;
  SELECT a.held - coalesce(sum(amount), 0) INTO held FROM ${schema}.reservations
    WHERE account = a.number AND ended IS NULL AND expires_at <= now_ms;
END $$;
`
