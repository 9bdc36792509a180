import type { Movement } from '@lazu/core'
import { integer, list, text } from './answer.js'
import type { RedisClient } from './clients/redis-client.js'
import { kindIn, modelIn, tokensIn } from './movements.js'

/** A movement as the journal hands it out. */
export interface JournalEntry extends Movement {
  /** The entry's own id, the same each time it is handed out, and never another entry's. */
  readonly entry: string
}

/**
 * Takes entries of one account, in their order, and has them kept for good when its promise is
 * fulfilled. It may be given some of them again.
 */
export type JournalSink = (entries: readonly JournalEntry[]) => void | Promise<void>

const entriesAtOnce = '500'

/** Hands out the journal of an account, and removes what was taken. How many entries it was. */
export async function drainAccount(
  client: RedisClient,
  accountKey: string,
  account: string,
  into: JournalSink,
): Promise<number> {
  const stream = `${accountKey}:journal`
  let drained = 0
  for (;;) {
    const raw = list(
      await client.send(stream, ['XRANGE', stream, '-', '+', 'COUNT', entriesAtOnce]),
    ).map(list)
    if (raw.length === 0) return drained
    await into(raw.map(([id, fields]) => entryIn(account, text(id), list(fields))))
    // By their ids: what somebody else drained and a newer entry are left alone.
    await client.send(stream, ['XDEL', stream, ...raw.map(([id]) => text(id))])
    drained += raw.length
  }
}

function entryIn(account: string, streamId: string, fields: readonly unknown[]): JournalEntry {
  // Names and values by turns, always in the same order.
  const values = fields.filter((_, index) => index % 2 === 1)
  const [generation, kind, at, id, key, model, amount, input, output] = values
  const movement = {
    entry: `${text(generation)} ${streamId}`,
    kind: kindIn(kind),
    atMs: integer(at),
    id: text(id),
    account,
    amount: integer(amount),
  }
  if (movement.kind === 'grant') return movement
  return {
    ...movement,
    // What an account was raised by when it was loaded again is a charge of no key.
    key: text(key) === '' && movement.id.startsWith('restored ') ? undefined : text(key),
    model: modelIn(model),
    tokens: tokensIn(input, output),
  }
}
