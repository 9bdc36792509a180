import { deepStrictEqual } from 'node:assert'
import { Child } from '../child.js'
import type { Load } from '../load/load.js'
import { numberIn } from '../number-in.js'
import { complete } from '../servers/completion.js'
import { askUsage, host } from '../servers/serve.js'
import { body, key, requestOf } from './requests.js'
import type { Call, Framework, Stack } from './stacks.js'

/** One stack's server, in a process of its own. */
export class RunningServer {
  readonly #name: string
  readonly #child: Child
  readonly #port: number

  private constructor(name: string, child: Child, port: number) {
    this.#name = name
    this.#child = child
    this.#port = port
  }

  /**
   * Starts a server.
   *
   * @param limited whether its key may send but one request a minute
   */
  static async start(framework: Framework, stack: Stack, limited: boolean): Promise<RunningServer> {
    const child = new Child('server', `servers/${framework}-${stack}.js`, {
      BENCH_KEY: key,
      ...(limited ? { BENCH_PER_MINUTE: '1' } : {}),
    })
    const port = numberIn(await child.next(), 'port')
    return new RunningServer(`${framework}, ${stack}`, child, port)
  }

  /** A load for this server. */
  load(call: Call, seconds: number, perSecond?: number): Load {
    return { ...requestOf(call), port: this.#port, seconds, perSecond }
  }

  /** Microseconds of processor time it has used since it began. */
  async usedMicros(): Promise<number> {
    const usage = await this.#child.ask(askUsage)
    return numberIn(usage, 'user') + numberIn(usage, 'system')
  }

  /**
   * Makes sure that a call is answered as it should be: a benchmark of wrong answers is worth
   * nothing.
   *
   * @throws Error when it is not
   */
  async check(call: Call): Promise<void> {
    // A limit may have one request left.
    if (call === '429') await this.#answerTo(call)
    const { status } = requestOf(call)
    const answer = await this.#answerTo(call)
    if (answer.status !== status) {
      throw new Error(`${this.#name} answers ${answer.status}, not ${status}: ${answer.text}`)
    }
    if (call === 'good') {
      deepStrictEqual(JSON.parse(answer.text), complete(JSON.parse(body)), this.#name)
    }
  }

  async #answerTo(call: Call): Promise<{ status: number; text: string }> {
    const { path, headers } = requestOf(call)
    const url = `http://${host}:${this.#port}${path}`
    const response = await fetch(url, { method: 'POST', headers, body })
    return { status: response.status, text: await response.text() }
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }
}
