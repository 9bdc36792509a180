import { setImmediate as nextTurn } from 'node:timers/promises'
import { dayOfDate } from '@lazu/core/stores'
import type { Connection } from './connection.js'
import { integer, text } from './database.js'
import type { StoreClock } from './store-clock.js'

/** How many reservations are looked at in one transaction. */
const sliceLength = 200

const dayMs = 86_400_000

/** For as long a ledger tells whoever asks again how a reservation ended. */
const rememberedMs = 60 * 60_000

/**
 * Deletes the reservations that ended before a day (UTC); their daily sums stay. See
 * `SqliteLedger.compact`.
 */
export async function compact(
  connection: Connection,
  clock: StoreClock,
  before: string,
): Promise<number> {
  const beforeMs = Math.min(dayOfDate('before', before) * dayMs, clock.wallMs() - rememberedMs)
  const page =
    'SELECT CAST(max(id) AS BLOB) AS last, count(*) AS seen, ' +
    'count(ended_at_ms < ? OR NULL) AS ended FROM ' +
    '(SELECT id, ended_at_ms FROM lazu_reservations WHERE id > ? ORDER BY id LIMIT ?)'
  const remove = 'DELETE FROM lazu_reservations WHERE id > ? AND id <= ? AND ended_at_ms < ?'
  let deleted = 0
  let after: string | undefined = ''
  while (after !== undefined) {
    const first: string = after
    after = await connection.write(() => {
      const row = connection.prepare(page).get(beforeMs, first, sliceLength)
      if (row === undefined || row['last'] === null) return undefined
      const last = text(row, 'last')
      const ended = integer(row, 'ended')
      if (ended > 0) connection.prepare(remove).run(first, last, beforeMs)
      deleted += ended
      // What comes in while this works is not followed: on a busy server there is always more.
      return integer(row, 'seen') < sliceLength ? undefined : last
    })
    await nextTurn()
  }
  return deleted
}
