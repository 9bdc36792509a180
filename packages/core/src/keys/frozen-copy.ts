import { deepFreeze } from './deep-freeze.js'

/**
 * A frozen copy of a record of plain values, through and through. `structuredClone` of the whole takes
 * twenty times as long, which is seconds for a million keys.
 */
export function frozenCopy<T extends object>(record: T): T {
  const copy = { ...record }
  for (const name in copy) {
    const member = copy[name]
    if (typeof member !== 'object' || member === null) continue
    copy[name] = Array.isArray(member) ? deepFreeze(structuredClone(member)) : frozenCopy(member)
  }
  return Object.freeze(copy)
}
