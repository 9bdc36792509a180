import { checkText } from '@lazu/core'

/**
 * The names of the keys in Redis. What is in braces decides the slot of a cluster: everything of one
 * account begins with the account's name and so shares a slot.
 */
export class KeyNames {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The names of all accounts, in the order of their bytes. */
  get accounts(): string {
    return `{${this.#prefix}:accounts}`
  }

  /** An account's sums; the beginning of the names of whatever else it has. */
  account(name: string): string {
    return `{${this.#prefix}:account:${escaped(name)}}`
  }

  /** The accounts that paid for a key. */
  accountsOfKey(key: string): string {
    return `{${this.#prefix}:key:${escaped(key)}}:accounts`
  }

  /** The account a reservation is of. */
  pointer(id: string): string {
    return `{${this.#prefix}:reservation:${escaped(id)}}`
  }
}

/**
 * A name without closing braces, so that the first one ends it and no name can reach into what is
 * behind another.
 */
function escaped(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('}', '%7D')
}

/**
 * Checks that a name can be stored: it is a text, without half a surrogate pair, which has no UTF-8 and
 * would be stored as something else.
 *
 * @throws RangeError
 */
export function checkName(what: string, name: string): void {
  checkText(what, name)
  if (/\p{Cs}/u.test(name)) throw new RangeError(`${what} is no well-formed text`)
}
