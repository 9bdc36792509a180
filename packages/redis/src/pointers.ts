import { randomBytes } from 'node:crypto'
import type { RedisClient } from './clients/redis-client.js'
import type { KeyNames } from './key-names.js'
import { claimScript, unclaimScript } from './scripts/pointer-scripts.js'
import { evalScript } from './scripts/script.js'

// As long as the end of a reservation is remembered, and a minute more.
const rememberedMs = 12 * 60_000
const tokenLength = 26

/** Pointers from the ids of reservations to their accounts, which may be in another slot. */
export class Pointers {
  readonly #client: RedisClient
  readonly #names: KeyNames

  constructor(client: RedisClient, names: KeyNames) {
    this.#client = client
    this.#names = names
  }

  /** The account of a reservation. */
  async find(id: string): Promise<string | undefined> {
    const pointer = this.#names.pointer(id)
    const value = await this.#client.send(pointer, ['GET', pointer])
    return typeof value === 'string' ? value.slice(tokenLength) : undefined
  }

  /** Says that an id is of an account. Whether it is not another one's. */
  async claim(id: string, account: string, token: string, ttlMs: number): Promise<boolean> {
    const args = [account, token, pointerTtlMs(ttlMs)]
    const answer = await evalScript(this.#client, claimScript, [this.#names.pointer(id)], args)
    return answer === 'claimed'
  }

  /** Takes a claim back, unless somebody else made the same. */
  async unclaim(id: string, account: string, token: string): Promise<void> {
    await evalScript(this.#client, unclaimScript, [this.#names.pointer(id)], [account, token])
  }

  /** Keeps the pointer of a reservation that is held, or was, for `ttlMs` from now. */
  async keep(id: string, account: string, ttlMs: number): Promise<void> {
    const pointer = this.#names.pointer(id)
    const value = newToken() + account
    await this.#client.send(pointer, ['SET', pointer, value, 'PX', pointerTtlMs(ttlMs)])
  }
}

const ownPart = randomBytes(12).toString('base64url')
let tokens = 0

/** What tells one claim from another. Always of the same length. */
export function newToken(): string {
  return ownPart + (tokens++).toString(36).padStart(10, '0')
}

/** How long a pointer is kept for a reservation that is held for so long, as Redis is told it. */
export function pointerTtlMs(ttlMs: number): string {
  return String(ttlMs + rememberedMs)
}
