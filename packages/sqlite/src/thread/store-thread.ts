import type { Worker } from 'node:worker_threads'
import type { Clock } from '@lazu/core'
import { GatewayError } from '@lazu/core/stores'
import { putTogether } from './crossed-error.js'
import { GatedWorker } from './gated-worker.js'
import {
  failureOf,
  type Answer,
  type AnswerOf,
  type ArgumentsOf,
  type FromThread,
  type MethodName,
  type ThreadSettings,
} from './messages.js'

/** A call that was not answered yet. */
interface Pending {
  readonly method: MethodName
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/**
 * A thread that has a file open, as the thread of the server sees it. It holds the process open while
 * a call is pending, and then only. When it dies, what was pending fails, and the next call starts
 * another one.
 */
export class StoreThread {
  readonly #settings: Omit<ThreadSettings, 'gate'>
  readonly #clock: Clock | undefined
  readonly #pending = new Map<number, Pending>()
  /** The calls of this turn of the event loop: one message is far cheaper than many. */
  #unsent: string[] = []
  #lastId = 0
  #worker: Worker | undefined
  /** When the newest thread is over, in whatever way. */
  #ended: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** @param clock the times each call brings; undefined: the thread goes by the machine's */
  constructor(settings: Omit<ThreadSettings, 'isClockGiven' | 'gate'>, clock: Clock | undefined) {
    this.#settings = { ...settings, isClockGiven: clock !== undefined }
    this.#clock = clock
    this.#worker = this.#start()
    this.#worker.unref()
  }

  /** How many calls have no answer yet. */
  get pending(): number {
    return this.#pending.size
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Calls a method of the store in the thread. The arguments are taken as they are now.
   *
   * @throws GatewayError `store_read_failed` or `store_write_failed` when the store was closed;
   *   rejects with it when the thread dies, and with what the method throws
   */
  ask<Name extends MethodName>(method: Name, ...args: ArgumentsOf<Name>): Promise<AnswerOf<Name>> {
    if (this.isClosed) throw failure(method, new Error('it was closed'))
    return this.#ask(method, args)
  }

  /** Lets the calls made before end, and closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // When the thread is dead, calls that were made since are to start another one.
    if (this.#worker === undefined && this.#pending.size === 0) return
    // When the thread dies meanwhile there is nothing to close any more.
    await this.#ask('close', []).catch(() => {})
    await this.#ended
  }

  #ask<Name extends MethodName>(method: Name, args: ArgumentsOf<Name>): Promise<AnswerOf<Name>> {
    const id = ++this.#lastId
    const clock = this.#clock
    const times = clock === undefined ? [] : [clock.monotonicMs(), clock.wallMs()]
    const call = JSON.stringify([id, method, args, ...times])
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject })
      this.#unsent.push(call)
      if (this.#unsent.length === 1) setImmediate(() => this.#send())
    })
  }

  #send(): void {
    const calls = this.#unsent
    this.#unsent = []
    if (calls.length === 0) return
    try {
      this.#worker ??= this.#start()
      this.#worker.ref()
      this.#worker.postMessage(`[${calls.join(',')}]`, [])
    } catch (error) {
      this.#failAll(error)
    }
  }

  #start(): Worker {
    const worker = new GatedWorker(this.#settings)
    let cause: unknown
    worker.on('message', (message: FromThread) => this.#receive(worker, message))
    worker.on('error', (error) => (cause = error))
    this.#ended = new Promise((resolve) => {
      worker.on('exit', (code) => {
        if (this.#worker === worker) this.#worker = undefined
        this.#failAll(cause ?? new Error(`its thread ended with ${code}`))
        resolve()
      })
    })
    return worker
  }

  #receive(worker: Worker, message: FromThread): void {
    if (typeof message !== 'string') {
      process.emitWarning(message.warning)
      return
    }
    const answers: Answer[] = JSON.parse(message)
    for (const [id, value, error] of answers) {
      const pending = this.#pending.get(id)
      this.#pending.delete(id)
      if (error === undefined) pending?.resolve(value)
      else pending?.reject(putTogether(error))
    }
    if (this.#pending.size === 0 && !this.isClosed) worker.unref()
  }

  #failAll(cause: unknown): void {
    const failed = [...this.#pending.values()]
    this.#pending.clear()
    this.#unsent = []
    for (const { method, reject } of failed) reject(failure(method, cause))
  }
}

function failure(method: MethodName, cause: unknown): GatewayError {
  return new GatewayError(failureOf[method], { cause })
}
