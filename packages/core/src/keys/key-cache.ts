import type { ApiKey } from './api-key.js'
import { SecondChanceMap } from './second-chance-map.js'

/** How much is remembered, and for how long. */
export interface KeyCacheSettings {
  /** Entries at most, known and unknown together. */
  readonly size: number
  /** How long a known key is taken as it was read. */
  readonly knownMs: number
  /** How long a key nobody knew is refused without asking again. */
  readonly unknownMs: number
  /** How long a known key may be taken while the store is away. */
  readonly staleMs: number
}

/** A key that was found by its secret. */
export interface KnownKey {
  readonly record: ApiKey
  /** When this secret stops working because it was rotated, wall time; Infinity: never. */
  readonly retiredAtMs: number
  /** When it was read, monotonic time. */
  readonly readAtMs: number
}

/**
 * What was looked up lately, by the secret as it was sent: a look-up in a Map is several times
 * cheaper than a digest. Secrets stay in memory only.
 *
 * Unknown secrets have a quarter of the room for themselves, so that whoever sends a million of
 * them pushes out no known one.
 */
export class KeyCache {
  readonly #settings: KeyCacheSettings
  readonly #known: SecondChanceMap<KnownKey>
  readonly #unknown: SecondChanceMap<number>
  /** What was read until then is no longer taken without asking, monotonic time. */
  #doubtedUntilMs = -Infinity
  /** The same of secrets nobody knew. */
  #doubtedUnknownUntilMs = -Infinity
  /** The cached secrets of a key, by its id: two while it is being rotated. */
  readonly #secretsOf = new Map<string, string[]>()

  constructor(settings: KeyCacheSettings) {
    this.#settings = settings
    const roomForUnknown = Math.floor(settings.size / 4)
    this.#unknown = new SecondChanceMap(roomForUnknown)
    this.#known = new SecondChanceMap(settings.size - roomForUnknown, (secret, known) => {
      this.#unlist(secret, known.record.id)
    })
  }

  /** How many entries there are, known and unknown. */
  get size(): number {
    return this.#known.size + this.#unknown.size
  }

  /** A key that was read lately enough to be taken without asking the store. */
  fresh(secret: string, nowMs: number): KnownKey | undefined {
    const known = this.#known.get(secret)
    if (known === undefined || nowMs - known.readAtMs >= this.#settings.knownMs) return undefined
    if (known.readAtMs <= this.#doubtedUntilMs) return undefined
    return known
  }

  /** A key that was read lately enough to be taken while the store is away. */
  stale(secret: string, nowMs: number): KnownKey | undefined {
    const known = this.#known.get(secret)
    if (known === undefined || nowMs - known.readAtMs >= this.#settings.staleMs) return undefined
    return known
  }

  /** Whether the store said lately that it knows no such secret. */
  isUnknown(secret: string, nowMs: number): boolean {
    const readAtMs = this.#unknown.get(secret)
    if (readAtMs === undefined || readAtMs <= this.#doubtedUnknownUntilMs) return false
    return nowMs - readAtMs < this.#settings.unknownMs
  }

  /** Remembers a key, or with undefined that nobody knew it. */
  keep(secret: string, known: KnownKey | undefined, readAtMs: number): void {
    const before = this.#known.get(secret)
    if (before !== undefined && before.record.id !== known?.record.id) {
      this.#known.delete(secret)
      this.#unlist(secret, before.record.id)
    }
    if (known === undefined) {
      this.#unknown.set(detached(secret), readAtMs)
      return
    }
    this.#unknown.delete(secret)
    const own = detached(secret)
    this.#list(own, known.record.id)
    this.#known.set(own, known)
  }

  /** Forgets every secret of a key. */
  forgetKey(id: string): void {
    for (const secret of this.#secretsOf.get(id) ?? []) this.#known.delete(secret)
    this.#secretsOf.delete(id)
  }

  /** Forgets that a secret was unknown. */
  forgetUnknown(secret: string): void {
    this.#unknown.delete(secret)
  }

  /** Any secret that was unknown may have become a key by now. */
  doubtUnknown(nowMs: number): void {
    this.#doubtedUnknownUntilMs = nowMs
  }

  /**
   * Anything may have changed by now. A known key may still be taken while the store is away: that
   * is when nobody can say what has changed.
   */
  doubtAll(nowMs: number): void {
    this.#doubtedUntilMs = nowMs
    this.doubtUnknown(nowMs)
  }

  #list(secret: string, id: string): void {
    const secrets = this.#secretsOf.get(id)
    if (secrets === undefined) this.#secretsOf.set(id, [secret])
    else if (!secrets.includes(secret)) secrets.push(secret)
  }

  #unlist(secret: string, id: string): void {
    const secrets = this.#secretsOf.get(id)?.filter((other) => other !== secret) ?? []
    if (secrets.length === 0) this.#secretsOf.delete(id)
    else this.#secretsOf.set(id, secrets)
  }
}

/** A copy: a secret cut out of a header or a URL would keep the whole of that in memory. */
function detached(secret: string): string {
  return Buffer.from(secret, 'latin1').toString('latin1')
}
