import { durationMs, type Clock, type Timer } from '@lazu/core'
import type { UpstreamTimeouts } from './channel-options.js'

/** Time limits in milliseconds. */
export interface TimeLimits {
  readonly connectMs: number | undefined
  readonly firstByteMs: number | undefined
  readonly idleMs: number | undefined
  readonly totalMs: number | undefined
}

/** What a limit was for, as a sentence says it. */
export type Phase = 'connect' | 'first byte' | 'idle' | 'total'

/**
 * Limits as they were written.
 *
 * @throws ConfigurationError for what is no duration
 */
export function timeLimits(timeouts: UpstreamTimeouts, path: string): TimeLimits {
  const ms = (name: keyof UpstreamTimeouts): number | undefined => {
    const given = timeouts[name]
    return given === undefined ? undefined : durationMs(given, `${path}.${name}`)
  }
  return {
    connectMs: ms('connect'),
    firstByteMs: ms('firstByte'),
    idleMs: ms('idle'),
    totalMs: ms('total'),
  }
}

/** The timers of one call. */
export class Deadlines {
  readonly #clock: Clock
  readonly #idleMs: number | undefined
  readonly #onExpired: (phase: Phase, ms: number) => void
  #connect: Timer | undefined
  #firstByte: Timer | undefined
  #idle: Timer | undefined
  #total: Timer | undefined
  #lastByteMs = 0
  #isPaused = false

  /** @param onExpired told once, of the first limit that is over */
  constructor(clock: Clock, limits: TimeLimits, onExpired: (phase: Phase, ms: number) => void) {
    this.#clock = clock
    this.#idleMs = limits.idleMs
    this.#onExpired = onExpired
    this.#connect = this.#after('connect', limits.connectMs)
    this.#firstByte = this.#after('first byte', limits.firstByteMs)
    this.#total = this.#after('total', limits.totalMs)
  }

  /** There is a connection. */
  connected(): void {
    this.#connect?.cancel()
    this.#connect = undefined
  }

  /** A chunk of the body has come. */
  received(): void {
    if (this.#firstByte !== undefined) {
      this.#firstByte.cancel()
      this.#firstByte = undefined
    }
    if (this.#idleMs === undefined) return
    this.#lastByteMs = this.#clock.monotonicMs()
    this.#idle ??= this.#clock.after(this.#idleMs, () => this.#checkIdle())
  }

  /** The client has enough for now: the upstream is not to be blamed for its silence. */
  pause(): void {
    this.#isPaused = true
  }

  /** The client takes more. */
  resume(): void {
    this.#isPaused = false
    this.#lastByteMs = this.#clock.monotonicMs()
  }

  /** The call is over. */
  cancel(): void {
    this.#connect?.cancel()
    this.#firstByte?.cancel()
    this.#idle?.cancel()
    this.#total?.cancel()
  }

  #after(phase: Phase, ms: number | undefined): Timer | undefined {
    return ms === undefined ? undefined : this.#clock.after(ms, () => this.#expire(phase, ms))
  }

  /** One timer for all chunks: setting it anew for each costs more than passing a chunk on. */
  #checkIdle(): void {
    const idleMs = this.#idleMs ?? 0
    const restMs = this.#isPaused ? idleMs : this.#lastByteMs + idleMs - this.#clock.monotonicMs()
    if (restMs <= 0) this.#expire('idle', idleMs)
    else this.#idle = this.#clock.after(restMs, () => this.#checkIdle())
  }

  #expire(phase: Phase, ms: number): void {
    this.cancel()
    this.#onExpired(phase, ms)
  }
}
