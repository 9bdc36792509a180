import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const answerSchema = z.union([
  z.object({ requestId: z.string() }),
  z.object({ error: z.object({ code: z.string() }) }),
])

/** What became of a request. Times are those of `performance.now()`. */
export interface Asked {
  readonly beganMs: number
  readonly tookMs: number
  readonly status: number
  /** Of one that was answered 200. */
  readonly requestId: string | undefined
  /** Of one that was refused. */
  readonly code: string | undefined
  readonly degraded: string | null
}

const inFlight = 20

/** Requests that are asked side by side until somebody stops it. */
export class Load {
  readonly asked: Asked[] = []
  readonly #url: string
  readonly #key: string
  readonly #pauseMs: number
  readonly #askers: readonly Promise<void>[]
  #isOver = false

  /**
   * @param pauseMs how long each of those that ask waits before it asks again: long enough that the
   *   gateway has time to spare, for what comes too late for that alone is no fault
   */
  constructor(url: string, key: string, pauseMs = 50) {
    this.#url = url
    this.#key = key
    this.#pauseMs = pauseMs
    this.#askers = Array.from({ length: inFlight }, () => this.#askOn())
  }

  /** Asks once more. */
  async ask(key: string = this.#key): Promise<void> {
    this.asked.push(await this.#ask(key))
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#askers)
  }

  /** Those that were answered 200. */
  get served(): readonly Asked[] {
    return this.asked.filter(({ status }) => status === 200)
  }

  /** Whether all of the newest were answered 200, and none of them is older than `sinceMs`. */
  isServed(sinceMs: number): boolean {
    return this.#areNewestServed(sinceMs, () => true)
  }

  /** The same, with every store. */
  isServedByStores(sinceMs: number): boolean {
    return this.#areNewestServed(sinceMs, ({ degraded }) => degraded === null)
  }

  #areNewestServed(sinceMs: number, isRight: (one: Asked) => boolean): boolean {
    const newest = this.asked.slice(-inFlight)
    return (
      newest.length === inFlight &&
      newest.every((one) => one.beganMs > sinceMs && one.status === 200 && isRight(one))
    )
  }

  async #askOn(): Promise<void> {
    while (!this.#isOver) {
      await this.ask()
      await delay(this.#pauseMs)
    }
  }

  async #ask(key: string): Promise<Asked> {
    const beganMs = performance.now()
    const response = await fetch(`${this.#url}/v1/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', max_tokens: 100, messages: [] }),
    })
    const answer = answerSchema.parse(await response.json())
    return {
      beganMs,
      tookMs: performance.now() - beganMs,
      status: response.status,
      requestId: 'requestId' in answer ? answer.requestId : undefined,
      code: 'error' in answer ? answer.error.code : undefined,
      degraded: response.headers.get('x-lazu-degraded'),
    }
  }
}

/** Whether it began after one moment and before another. */
export function isBetween(fromMs: number, toMs: number): (one: Asked) => boolean {
  return ({ beganMs }) => beganMs > fromMs && beganMs < toMs
}

/**
 * How much later than they should bare timers of `ms` came behind the same server, while `isOver` was
 * false: the 99th percentile. It is what a machine that is busy holds up everything by.
 */
export async function heldUpMs(url: string, ms: number, isOver: () => boolean): Promise<number> {
  const tookMs: number[] = []
  const ask = async (): Promise<void> => {
    while (!isOver()) {
      const beganMs = performance.now()
      const response = await fetch(`${url}/after/${ms}`, { method: 'POST' })
      await response.text()
      tookMs.push(performance.now() - beganMs)
    }
  }
  await Promise.all(Array.from({ length: inFlight / 2 }, ask))
  return p99(tookMs) - ms
}

/**
 * The longest that something may take that should take `ms`, on a machine that holds up bare timers by
 * `heldUp`. More than once as much, for it is more than one timer.
 */
export function atMostMs(ms: number, heldUp: number): number {
  return ms + 3 * heldUp
}

/** The 99th percentile. */
export function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0
}
