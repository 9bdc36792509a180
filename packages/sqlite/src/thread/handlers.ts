import type { SqliteDatabase } from '../database.js'
import type { DatabaseStore } from '../database-store.js'
import type { AnswerOf, ArgumentsOf, Call, MethodName } from './messages.js'

/** What a thread does when it is asked. */
export type Handlers = {
  readonly [Name in MethodName]: (
    ...args: ArgumentsOf<Name>
  ) => AnswerOf<Name> | Promise<AnswerOf<Name>>
}

/** Makes what answers for a store. */
export function handlersOf(store: DatabaseStore, database: SqliteDatabase): Handlers {
  const { keys, ledger, requestLog } = store
  return {
    findByDigest: (digest) => keys.findByDigest(digest),
    get: (id) => keys.get(id),
    insert: (key) => keys.insert(key),
    replace: (key) => keys.replace(key),
    list: (page) => keys.list(page),
    reserve: (request) => ledger.reserve(request),
    // What was left out arrives as null.
    settle: (id, amount, tokens) => ledger.settle(id, amount, tokens ?? undefined),
    release: (id) => ledger.release(id),
    extend: (id, ttlMs) => ledger.extend(id, ttlMs),
    balance: (account) => ledger.balance(account),
    credit: (account, amount, reference) => ledger.credit(account, amount, reference),
    createAccount: (account) => ledger.createAccount(account),
    accounts: (page) => ledger.accounts(page),
    usage: (query) => ledger.usage(query),
    movements: (id) => ledger.movements(id),
    compact: (before) => ledger.compact(before),
    record: (record) => requestLog.record(record),
    find: (requestId) => requestLog.find(requestId),
    flush: () => requestLog.flush(),
    async close() {
      await store.close()
      database.close()
    },
  }
}

/** Does what a call asks for. */
export function handle<Name extends MethodName>(
  handlers: Handlers,
  [, method, args]: Call<Name>,
): AnswerOf<Name> | Promise<AnswerOf<Name>> {
  return handlers[method](...args)
}
