/** Whether a key may be used. Expiry is a date, not a status. */
export type ApiKeyStatus = 'active' | 'disabled' | 'revoked'

/** Limits of one key or tier. Each is per minute, except `concurrency`. */
export interface KeyLimits {
  /** Requests a minute. */
  readonly rpm?: number | undefined
  /** Tokens a minute. */
  readonly tpm?: number | undefined
  /** Requests in flight at once. */
  readonly concurrency?: number | undefined
}

/** Spending caps of one key, in micro-USD (or the ledger's unit). */
export interface KeyCaps {
  /** Over the key's whole life. */
  readonly total?: number | undefined
  /** In one calendar day, UTC. */
  readonly day?: number | undefined
  /** In one calendar month, UTC. */
  readonly month?: number | undefined
}

/**
 * An API key's record. It holds a digest of the secret, never the secret, nor anything it could be
 * computed from. Stores hand out records that nobody changes: a change is a new record.
 */
export interface ApiKey {
  /** Identifies the key in logs, events and commands. No secret. */
  readonly id: string
  /** Who pays for what the key does. */
  readonly account: string
  /** What people call it. */
  readonly name: string
  /** What is shown of the key to people: its prefix and its last four characters. */
  readonly shown: string
  readonly status: ApiKeyStatus
  /** The moment it stops working, in milliseconds since 1970; undefined: never. */
  readonly expiresAtMs?: number | undefined
  /** The models it may use; undefined: all. */
  readonly models?: readonly string[] | undefined
  /** The networks it may be used from, as CIDR; undefined: all. */
  readonly allow?: readonly string[] | undefined
  /** The name of a tier of the gateway's `tiers`. */
  readonly tier?: string | undefined
  /** Limits of this key alone; each one given wins over its tier's. */
  readonly limits?: KeyLimits | undefined
  readonly caps?: KeyCaps | undefined
  /** The lane its requests are priced in and routed to. */
  readonly lane?: string | undefined
  /** Anything else; shown to nobody. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly createdAtMs: number
  /**
   * 1 when it is made, one more with every change. A store replaces a record only by its next
   * revision, so that of two changes at once, in one process or in two, neither undoes the other.
   */
  readonly revision: number
  /** The digest the key is found by. */
  readonly digest: string
  /** While it is being rotated: the digest of the old secret, and until when that works. */
  readonly rotation?: { readonly digest: string; readonly untilMs: number } | undefined
}
