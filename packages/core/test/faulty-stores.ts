import {
  MemoryKeyStore,
  type MemoryLedger,
  type ApiKey,
  type Balance,
  type BucketChange,
  type ChargedTokens,
  type Clock,
  type HeldPlace,
  type KeyPage,
  type KeyStore,
  type Ledger,
  type LimitAnswer,
  type LimitAsk,
  type LimitStore,
  type Movement,
  type Reservation,
  type ReserveRequest,
  type Settled,
  type UsageQuery,
  type UsageSum,
  type AccountBalance,
  type AccountPage,
} from '@lazu/core'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'

/** How a store on the network fails. */
export class Faults {
  /**
   * `hang`: what is asked is done when the store comes back. `fail`: it is not done. `lose`: it is
   * done at once, and nobody is told. `late`: it is done and told after `lateMs`.
   */
  mode: 'none' | 'hang' | 'fail' | 'lose' | 'late' = 'none'
  lateMs = 0
  /** How often it was asked. */
  asked = 0
  readonly #clock: Clock
  #held: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many answers are waited for that do not come. */
  get hanging(): number {
    return this.#held.length
  }

  /** Works again, and does what it was asked meanwhile. */
  comeBack(): void {
    this.mode = 'none'
    for (const work of this.#held.splice(0)) work()
  }

  /** Works again, for what is asked from now on. What hangs goes on hanging. */
  serveOthers(): void {
    this.mode = 'none'
  }

  async answer<T>(work: () => T | Promise<T>): Promise<T> {
    this.asked++
    switch (this.mode) {
      case 'none':
        return work()
      case 'fail':
        throw new Error('connect ECONNREFUSED redis://lazu:hunter2@10.0.0.9:6379')
      case 'lose':
        void work()
        return new Promise(() => {})
      case 'hang':
        await new Promise<void>((resolve) => void this.#held.push(resolve))
        return work()
      case 'late':
        await new Promise<void>((resolve) => void this.#clock.after(this.lateMs, resolve))
        return work()
    }
  }
}

/** A ledger on the network. */
export class FaultyLedger implements Ledger {
  memory: MemoryLedger
  readonly faults: Faults
  /** What it was asked of late. */
  readonly steps: string[] = []

  constructor(memory: MemoryLedger, faults: Faults) {
    this.memory = memory
    this.faults = faults
  }

  reserve(request: ReserveRequest): Promise<Reservation> {
    this.steps.push('reserve')
    return this.faults.answer(() => this.memory.reserve(request))
  }

  settle(id: string, amount: number, tokens?: ChargedTokens): Promise<Settled | undefined> {
    this.steps.push('settle')
    return this.faults.answer(() => this.memory.settle(id, amount, tokens))
  }

  release(id: string): Promise<Settled | undefined> {
    this.steps.push('release')
    return this.faults.answer(() => this.memory.release(id))
  }

  extend(id: string, ttlMs: number): Promise<boolean> {
    this.steps.push('extend')
    return this.faults.answer(() => this.memory.extend(id, ttlMs))
  }

  balance(account: string): Balance {
    return this.memory.balance(account)
  }

  credit(account: string, amount: number, reference: string): Balance {
    return this.memory.credit(account, amount, reference)
  }

  createAccount(account: string): boolean {
    return this.memory.createAccount(account)
  }

  accounts(page: AccountPage): readonly AccountBalance[] {
    return this.memory.accounts(page)
  }

  usage(query: UsageQuery): readonly UsageSum[] {
    return this.memory.usage(query)
  }

  movements(id: string): readonly Movement[] {
    return this.memory.movements(id)
  }
}

/** Keys on the network. Whoever watches is told by `tell`. */
export class FaultyKeyStore implements KeyStore {
  readonly memory = new MemoryKeyStore()
  readonly faults: Faults
  readonly watchers = new Set<(keyId: string | undefined) => void>()

  constructor(faults: Faults) {
    this.faults = faults
  }

  watch(changed: (keyId: string | undefined) => void): () => void {
    this.watchers.add(changed)
    return () => void this.watchers.delete(changed)
  }

  tell(keyId: string | undefined): void {
    for (const changed of this.watchers) changed(keyId)
  }

  findByDigest(digest: string): Promise<ApiKey | undefined> {
    return this.faults.answer(() => this.memory.findByDigest(digest))
  }

  get(id: string): ApiKey | undefined {
    return this.memory.get(id)
  }

  insert(key: ApiKey): void {
    this.memory.insert(key)
  }

  replace(key: ApiKey): void {
    this.memory.replace(key)
  }

  list(page: KeyPage): readonly ApiKey[] {
    return this.memory.list(page)
  }
}

/** A limiter whose counts are on the network. */
export class FaultyLimiter extends RateLimiterMemory {
  readonly faults: Faults

  constructor(points: number, faults: Faults) {
    super({ points, duration: 60 })
    this.faults = faults
  }

  override consume(key: string | number, points?: number): Promise<RateLimiterRes> {
    return this.faults.answer(() => super.consume(key, points))
  }

  override reward(key: string | number, points?: number): Promise<RateLimiterRes> {
    return this.faults.answer(() => super.reward(key, points))
  }
}

/** A store of limits on the network. */
export class FaultyLimitStore implements LimitStore {
  readonly leaseMs: number
  readonly #store: LimitStore
  readonly #faults: Faults

  constructor(store: LimitStore, faults: Faults) {
    this.leaseMs = store.leaseMs
    this.#store = store
    this.#faults = faults
  }

  take(asks: readonly LimitAsk[]): Promise<LimitAnswer> {
    return this.#faults.answer(() => this.#store.take(asks))
  }

  adjust(changes: readonly BucketChange[]): Promise<void> {
    return this.#faults.answer(() => this.#store.adjust(changes))
  }

  hold(places: readonly HeldPlace[]): Promise<void> {
    return this.#faults.answer(() => this.#store.hold(places))
  }

  free(places: readonly HeldPlace[]): Promise<void> {
    return this.#faults.answer(() => this.#store.free(places))
  }
}
