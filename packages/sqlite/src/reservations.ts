import type { ChargedTokens, Movement, Settled } from '@lazu/core'
import type { Connection, Statement } from './connection.js'
import { integer, integerOrNothing, text, textOrNothing, type Row } from './database.js'

/** What a reservation holds, and for whom. */
export interface Held {
  /** The number of the account. */
  readonly account: number
  /** The number of the key's spending. */
  readonly key: number
  readonly amount: number
}

/** A reservation to be added. Times without `Ms` are the store's own. */
export interface NewReservation extends Held {
  readonly id: string
  readonly model: string | undefined
  readonly reservedAtMs: number
  readonly heldAt: number
  readonly expiresAt: number
}

/** The reservations, open and ended; within a transaction. */
export class Reservations {
  readonly #find: Statement
  readonly #insert: Statement
  readonly #settle: Statement
  readonly #release: Statement
  readonly #extend: Statement
  readonly #movements: Statement

  constructor(connection: Connection) {
    this.#find = connection.prepare(
      'SELECT account, key, amount, ended, charged FROM lazu_reservations WHERE id = ?',
    )
    this.#insert = connection.prepare(
      'INSERT INTO lazu_reservations ' +
        '(id, account, key, amount, model, reserved_at_ms, held_at, expires_at) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    const open = 'WHERE id = ? AND ended IS NULL RETURNING account, key, amount'
    this.#settle = connection.prepare(
      "UPDATE lazu_reservations SET ended = 'settled', ended_at_ms = ?, charged = ?, " +
        `input_tokens = ?, output_tokens = ? ${open}`,
    )
    this.#release = connection.prepare(
      `UPDATE lazu_reservations SET ended = 'released', ended_at_ms = ? ${open}`,
    )
    this.#extend = connection.prepare(
      `UPDATE lazu_reservations SET held_at = ?, expires_at = ? ${open}`,
    )
    this.#movements = connection.prepare(
      'SELECT CAST(name AS BLOB) AS account, CAST(key_id AS BLOB) AS key, ' +
        'CAST(model AS BLOB) AS model, amount, reserved_at_ms, ended, ended_at_ms, charged, ' +
        'input_tokens, output_tokens FROM lazu_reservations ' +
        'JOIN lazu_accounts ON lazu_accounts.number = account ' +
        'JOIN lazu_spending ON lazu_spending.number = key WHERE id = ?',
    )
  }

  /** A reservation, and how it ended if it has. */
  find(id: string): (Held & { readonly ended: Settled | undefined }) | undefined {
    const row = this.#find.get(id)
    return row === undefined ? undefined : { ...heldIn(row), ended: endOf(id, row) }
  }

  add(reservation: NewReservation): void {
    const { id, account, key, amount, model, reservedAtMs, heldAt, expiresAt } = reservation
    this.#insert.run(id, account, key, amount, model ?? null, reservedAtMs, heldAt, expiresAt)
  }

  /** Ends one with a charge. What it held; undefined when it was not open. */
  settle(
    id: string,
    endedAtMs: number,
    charged: number,
    tokens: ChargedTokens | undefined,
  ): Held | undefined {
    const { inputTokens = null, outputTokens = null } = tokens ?? {}
    const row = this.#settle.get(endedAtMs, charged, inputTokens, outputTokens, id)
    return row === undefined ? undefined : heldIn(row)
  }

  /** Ends one without a charge. What it held; undefined when it was not open. */
  release(id: string, endedAtMs: number): Held | undefined {
    const row = this.#release.get(endedAtMs, id)
    return row === undefined ? undefined : heldIn(row)
  }

  /** Moves the end of one. Whether it was open. */
  extend(id: string, heldAt: number, expiresAt: number): boolean {
    return this.#extend.get(heldAt, expiresAt, id) !== undefined
  }

  /**
   * What happened to a reservation.
   *
   * @param overAtMs the wall time its own time was over, when nobody has written that yet
   */
  movements(id: string, overAtMs: number | undefined): Movement[] {
    const row = this.#movements.get(id)
    if (row === undefined) return []
    const amount = integer(row, 'amount')
    const common = {
      id,
      account: text(row, 'account'),
      key: text(row, 'key'),
      model: textOrNothing(row, 'model'),
    }
    const atMs = integer(row, 'reserved_at_ms')
    const movements: Movement[] = [{ kind: 'reserve', atMs, ...common, amount }]
    const end = endOf(id, row)
    const endedAtMs = integerOrNothing(row, 'ended_at_ms') ?? overAtMs
    if (endedAtMs === undefined) return movements
    const kind = end?.ended ?? 'expired'
    movements.push({
      kind,
      atMs: endedAtMs,
      ...common,
      amount: kind === 'settled' ? (end?.amount ?? 0) : amount,
      tokens: tokensOf(row),
    })
    return movements
  }
}

function heldIn(row: Row): Held {
  return {
    account: integer(row, 'account'),
    key: integer(row, 'key'),
    amount: integer(row, 'amount'),
  }
}

function endOf(id: string, row: Row): Settled | undefined {
  const ended = row['ended']
  if (ended !== 'settled' && ended !== 'released' && ended !== 'expired') return undefined
  return { id, ended, amount: ended === 'settled' ? integer(row, 'charged') : 0 }
}

function tokensOf(row: Row): ChargedTokens | undefined {
  const inputTokens = integerOrNothing(row, 'input_tokens')
  const outputTokens = integerOrNothing(row, 'output_tokens')
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  return { inputTokens, outputTokens }
}
