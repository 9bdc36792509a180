import type { Movement } from '@lazu/core'
import { integer, list, text } from './answer.js'
import type { RedisClient } from './clients/redis-client.js'
import { kindIn, modelIn, tokensIn } from './movements.js'
import { removeScript } from './scripts/remove-script.js'
import { evalScript } from './scripts/script.js'

/** A movement as the journal hands it out. */
export interface JournalEntry extends Movement {
  /** The entry's own id, the same each time it is handed out, and never another entry's. */
  readonly entry: string
  /**
   * Of what an account was raised by when it was loaded again, an entry whose id begins with
   * `restored`: all that had been granted, or charged, by then. Who adds entries up takes no more of
   * the `amount` than is missing from it, for some of that may have been handed out before the loss.
   */
  readonly total?: number | undefined
}

/**
 * Takes entries of one account, in their order, and has them kept for good when its promise is
 * fulfilled. It may be given some of them again.
 */
export type JournalSink = (entries: readonly JournalEntry[]) => void | Promise<void>

/** Asks Redis, and tells of its failures, which are not the sink's. */
export type Asking = (ask: () => Promise<unknown>) => Promise<unknown>

const entriesAtOnce = '500'

/** Hands out the journal of an account, and removes what was taken. How many entries it was. */
export async function drainAccount(
  client: RedisClient,
  asking: Asking,
  accountKey: string,
  account: string,
  into: JournalSink,
): Promise<number> {
  const stream = `${accountKey}:journal`
  let drained = 0
  for (;;) {
    const found = await asking(async () =>
      client.send(stream, ['XRANGE', stream, '-', '+', 'COUNT', entriesAtOnce]),
    )
    const raw = list(found).map((entry) => rawIn(list(entry)))
    if (raw.length === 0) return drained
    await into(raw.map(({ id, values }) => entryIn(account, id, values)))
    // By their ids: what somebody else drained and a newer entry are left alone.
    const taken = raw.flatMap(({ id, values: [generation] }) => [id, text(generation)])
    await asking(async () => evalScript(client, removeScript, [stream], taken))
    drained += raw.length
  }
}

interface RawEntry {
  /** In the stream. */
  readonly id: string
  readonly values: readonly unknown[]
}

function rawIn([id, fields]: readonly unknown[]): RawEntry {
  // Names and values by turns, always in the same order.
  return { id: text(id), values: list(fields).filter((_, index) => index % 2 === 1) }
}

function entryIn(account: string, streamId: string, values: readonly unknown[]): JournalEntry {
  const [generation, kind, at, id, key, model, amount, input, output, total] = values
  const movement = {
    entry: `${text(generation)} ${streamId}`,
    kind: kindIn(kind),
    atMs: integer(at),
    id: text(id),
    account,
    amount: integer(amount),
    ...(total === undefined ? undefined : { total: integer(total) }),
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
