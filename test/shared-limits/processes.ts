import { once } from 'node:events'
import { Agent, get, request } from 'node:http'
import { afterAll } from 'vitest'
import { forkedServers } from '../forked-servers.js'

// Connections are made again and again otherwise, and ports run out.
const agent = new Agent({ keepAlive: true })

/** Server processes on one Redis. */
export class Processes {
  readonly #ports: readonly number[]
  #next = 0

  constructor(ports: readonly number[]) {
    this.#ports = ports
  }

  /** The first of them, as many as that. */
  first(count: number): Processes {
    return new Processes(this.#ports.slice(0, count))
  }

  /** Asks them in turn; gives the status. */
  ask(path: string, counted: string): Promise<number> {
    const port = this.#ports[this.#next++ % this.#ports.length] ?? 0
    const asking = get({ port, path, agent, headers: { 'x-counted': counted } })
    return new Promise((resolve, reject) => {
      asking.on('error', reject)
      asking.on('response', (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
    })
  }

  /** How many requests they hold, all together. */
  async held(): Promise<number> {
    const counts = await Promise.all(this.#ports.map((port) => json(port, 'GET', '/held')))
    return counts.reduce((sum, { held = 0 }) => sum + held, 0)
  }

  /** Lets go all requests that are held. */
  async release(): Promise<void> {
    await Promise.all(this.#ports.map((port) => json(port, 'POST', '/release')))
  }
}

async function json(port: number, method: string, path: string): Promise<{ held?: number }> {
  const sending = request({ port, method, path, agent })
  sending.end()
  const [response] = await once(sending, 'response')
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return JSON.parse(text)
}

/** Starts server processes before the tests, and ends them behind them. */
export function processesForTests(url: () => string, count: number): () => Processes {
  const ports = forkedServers(new URL('server.mjs', import.meta.url), () => [url()], count)
  afterAll(() => agent.destroy())
  return () => new Processes(ports())
}
