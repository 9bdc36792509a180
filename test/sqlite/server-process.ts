import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Keys, Ledger, Price, Settled } from '@lazu/core'
import { onTestFinished, vi } from 'vitest'

/** Where a server kills itself, as seen from its ledger. */
export type LedgerPoint = 'before reserve' | 'after reserve' | 'before settle' | 'after settle'

/** When a server kills itself: when it comes to a point for so many times. */
export interface KillAt {
  readonly point: LedgerPoint
  readonly times: number
}

/** What a server is told. */
export interface ServerSetup {
  /** The SQLite file. */
  readonly path: string
  /** What the model `m` costs. */
  readonly price: Price
  readonly killAt?: KillAt | undefined
}

/** What a server tells. */
export type Told =
  | { readonly event: 'listening'; readonly port: number }
  | { readonly event: 'credited'; readonly reference: string; readonly amount: number }
  /** It is about to charge a request. */
  | { readonly event: 'settling'; readonly id: string; readonly amount: number }
  | ({ readonly event: 'ended' } & Settled)
  /** It kills itself, at a point it has come to with this request. */
  | { readonly event: 'dying'; readonly id: string }

/** What a model is asked. The handler charges the usage when its response is done. */
export interface AskBody {
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number }
  /** The stream stops after its first event, and stays open. */
  readonly neverEnds?: boolean
}

/** The names of the methods among the members. */
type MethodOf<Part> = {
  [Name in keyof Part]-?: Part[Name] extends (...args: never) => unknown ? Name : never
}[keyof Part]

/** How long the servers take a known key as they read it, in milliseconds. */
export const knownMs = 1_000

const script = fileURLToPath(new URL('server.mjs', import.meta.url))

/**
 * A server of server.mjs, in a process of its own. What is left of it when the test is over is
 * killed.
 */
export class ServerProcess {
  /** All that it told until now. */
  readonly told: Told[] = []
  /** The signal that ended it, once it is gone and all it told is here; null when it exited. */
  readonly ended: Promise<NodeJS.Signals | null>
  readonly #child: ChildProcess
  #url = ''

  /** Starts one, and waits until it listens. */
  static async start(setup: ServerSetup): Promise<ServerProcess> {
    const child = spawn(process.execPath, [script, JSON.stringify({ ...setup, knownMs })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const server = new ServerProcess(child, child.stdout)
    await server.#listening()
    return server
  }

  private constructor(child: ChildProcess, output: Readable) {
    this.#child = child
    const lines = createInterface({ input: output })
    lines.on('line', (line) => this.told.push(JSON.parse(line)))
    this.ended = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(
      () => child.signalCode,
    )
  }

  async #listening(): Promise<void> {
    let isOver = false
    void this.ended.then(() => (isOver = true))
    await vi.waitUntil(() => this.told.length > 0 || isOver, { timeout: 30_000, interval: 5 })
    const [first] = this.told
    if (first?.event !== 'listening') throw new Error('the server did not start')
    this.#url = `http://127.0.0.1:${first.port}`
  }

  /** Kills it from outside. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Asks the model. */
  ask(kind: 'chat' | 'stream', key: string, body: AskBody): Promise<Response> {
    return this.#post(`/v1/${kind}`, { model: 'm', messages: [], max_tokens: 20, ...body }, key)
  }

  /** Calls a method of the server's keys. */
  keys<Method extends MethodOf<Keys>>(
    method: Method,
    ...args: Parameters<Keys[Method]>
  ): Promise<Awaited<ReturnType<Keys[Method]>>> {
    return this.#call('keys', method, args)
  }

  /** Calls a method of the server's ledger. */
  ledger<Method extends MethodOf<Ledger>>(
    method: Method,
    ...args: Parameters<Ledger[Method]>
  ): Promise<Awaited<ReturnType<Ledger[Method]>>> {
    return this.#call('ledger', method, args)
  }

  /** Has it kill itself. Ends with the error of a connection that is gone. */
  async die(id: string): Promise<void> {
    await this.#post('/die', { id })
  }

  /** Moves on the time by which its keys are remembered. */
  async advance(ms: number): Promise<void> {
    await this.#post('/advance', { ms })
  }

  async #call<Result>(part: string, method: string, args: unknown[]): Promise<Result> {
    const response = await this.#post(`/call/${part}/${method}`, args)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${text}`)
    return JSON.parse(text)
  }

  #post(path: string, body: unknown, key?: string): Promise<Response> {
    const headers = new Headers({ 'content-type': 'application/json' })
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
    return fetch(this.#url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  }
}
