import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pinned } from './pinned.js'

/** A process of the benchmarks', on the core it is given. It is asked one thing at a time. */
export class Child {
  readonly #process: ChildProcess
  readonly #name: string

  /** @param file a built module, as a path from this folder */
  constructor(who: 'server' | 'load', file: string, variables: NodeJS.ProcessEnv = {}) {
    const path = fileURLToPath(new URL(file, import.meta.url))
    const [command, ...args] = [...pinned(who), process.execPath, path]
    this.#name = file
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', ...variables },
    })
  }

  /** What it sends next. Rejects when it ends instead. */
  async next(): Promise<unknown> {
    const over = new AbortController()
    try {
      return await Promise.race([
        once(this.#process, 'message', { signal: over.signal }).then(([message]) => message),
        once(this.#process, 'exit', { signal: over.signal }).then(() => {
          throw new Error(`${this.#name} has ended`)
        }),
      ])
    } finally {
      over.abort()
    }
  }

  /** What it answers. */
  ask(question: string | object): Promise<unknown> {
    const answer = this.next()
    this.#process.send(question)
    return answer
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill()
    await ended
  }
}
