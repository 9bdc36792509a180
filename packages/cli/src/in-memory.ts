import type { Keys, Ledger } from '@lazu/core'

/**
 * What keeps all it is given in this process alone, by the names of their classes: a configuration may
 * have a copy of the package of its own. A class that extends one of them may keep it elsewhere, too.
 */
const memoryClasses: readonly string[] = ['MemoryKeyStore', 'MemoryLedger']

/** Whether keys that are made now are gone with this process. False where that cannot be told. */
export function keysAreInMemory({ store }: Keys): boolean {
  return store !== undefined && isInMemory(store)
}

/** Whether money that is credited now is gone with this process. False where that cannot be told. */
export function ledgerIsInMemory(ledger: Ledger): boolean {
  return isInMemory(ledger)
}

/** What to tell somebody whose change no server will ever see. */
export function memoryWarning(what: 'keys' | 'ledger'): string {
  const [kept, option] =
    what === 'keys'
      ? ['This key is', 'keys: createKeys({ store })']
      : ['This money is', "ledger: sqliteStore({ path: 'lazu.db' }).ledger"]
  return (
    `warning: ${kept} gone now: gateway.${what} of the configuration keeps what it has in the memory of ` +
    `this process, and no server knows of it. Give a store that lasts, ${option} for instance.`
  )
}

function isInMemory(store: object): boolean {
  // Some stores can be either, and say so themselves.
  if ('isInMemory' in store) return store.isInMemory === true
  const made: unknown = Reflect.get(store, 'constructor')
  return typeof made === 'function' && memoryClasses.includes(made.name)
}
