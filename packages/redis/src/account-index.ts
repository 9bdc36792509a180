import { systemClock, type Clock } from '@lazu/core'
import { BoundedMap } from './bounded-map.js'
import type { RedisClient } from './clients/redis-client.js'
import type { KeyNames } from './key-names.js'

/** How often a process writes the name of an account it serves, in milliseconds. */
const writtenEveryMs = 60_000
const mostAccounts = 100_000

/**
 * The list of all accounts, by which they are shown and their journals drained. On a cluster it is in a
 * slot of its own, and may be lost while the accounts are not. So whoever serves an account writes its
 * name again now and then.
 */
export class AccountIndex {
  readonly #client: RedisClient
  readonly #name: string
  readonly #clock: Clock
  readonly #writtenMs = new BoundedMap<number>(mostAccounts)

  constructor(client: RedisClient, names: KeyNames, clock: Clock = systemClock) {
    this.#client = client
    this.#name = names.accounts
    this.#clock = clock
  }

  /** Writes the name of an account that is about to be made. */
  async add(account: string): Promise<void> {
    this.#writtenMs.set(account, this.#clock.monotonicMs())
    await this.#client.send(this.#name, ['ZADD', this.#name, '0', account])
  }

  /** Writes the name of an account that is there, when it is time to. Nobody waits for it. */
  refresh(account: string): void {
    const writtenMs = this.#writtenMs.get(account) ?? -Infinity
    if (this.#clock.monotonicMs() - writtenMs < writtenEveryMs) return
    // What fails is made good the next time.
    this.add(account).catch(() => undefined)
  }
}
