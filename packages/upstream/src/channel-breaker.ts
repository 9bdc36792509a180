/** When a breaker opens, and for how long. */
export interface BreakerSettings {
  /** Failures in a row. */
  readonly failures: number
  readonly pauseMs: number
}

/** The first wait of a channel that says 429 and no time; each further one is twice as long. */
const firstBusyMs = 1_000
const longestBusyMs = 60_000
/** The longest time a channel is believed when it says how long it is busy. */
const longestToldBusyMs = 86_400_000

/**
 * Whether a channel is worth asking, by how its last calls went. Open after a number of failures in a
 * row; after the pause one request is let through as a probe, and closes it or opens it again. A
 * channel that says it has had too many requests is busy, which is no failure.
 */
export class ChannelBreaker {
  readonly #settings: BreakerSettings
  #failures = 0
  /** Until when it is open, monotonic time; undefined while it is closed. */
  #openUntilMs: number | undefined
  #isProbed = false
  #busyInARow = 0
  #busyUntilMs = 0

  constructor(settings: BreakerSettings) {
    this.#settings = settings
  }

  /** Milliseconds until a request may be let through; 0: now. */
  waitMs(nowMs: number): number {
    if (this.#openUntilMs === undefined) return 0
    // A probe that runs ends by its own time limits; nobody knows when.
    if (this.#isProbed) return this.#settings.pauseMs
    return Math.max(0, this.#openUntilMs - nowMs)
  }

  /** Whether it has asked not to be sent more for a while. */
  isBusy(nowMs: number): boolean {
    return nowMs < this.#busyUntilMs
  }

  /** A request is sent, which `waitMs` let through. Whether it is a probe. */
  sent(): boolean {
    if (this.#openUntilMs === undefined) return false
    this.#isProbed = true
    return true
  }

  /** It answers, whatever it says and whether it comes to an end. */
  answered(): void {
    if (this.#openUntilMs === undefined) return
    this.#openUntilMs = undefined
    this.#isProbed = false
    // Not 0: an upstream that begins every answer and ends none would never be open for long.
    this.#failures = this.#settings.failures - 1
  }

  /** An answer was good to its end. */
  succeeded(): void {
    this.answered()
    this.#failures = 0
    this.#busyInARow = 0
    this.#busyUntilMs = 0
  }

  /** A call failed by the channel's fault. */
  failed(nowMs: number, wasProbe: boolean): void {
    this.#failures++
    // Of the calls that were sent before it opened none makes it wait longer.
    if (this.#openUntilMs !== undefined && !wasProbe) return
    if (this.#failures < this.#settings.failures) return
    this.#openUntilMs = nowMs + this.#settings.pauseMs
    this.#isProbed = false
  }

  /** A call was broken off by us, so that nothing is known of the channel. */
  brokenOff(wasProbe: boolean): void {
    if (wasProbe) this.#isProbed = false
  }

  /**
   * It has had too many requests.
   *
   * @param toldMs how long it asks to wait
   */
  busy(nowMs: number, toldMs: number | undefined): void {
    this.answered()
    const doubledMs = Math.min(longestBusyMs, firstBusyMs * 2 ** Math.min(this.#busyInARow, 10))
    this.#busyInARow++
    this.#busyUntilMs = nowMs + Math.min(toldMs ?? doubledMs, longestToldBusyMs)
  }
}
