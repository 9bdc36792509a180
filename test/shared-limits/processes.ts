import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

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
  const ends: (() => void)[] = []
  let processes: Processes | undefined

  beforeAll(async () => {
    const path = fileURLToPath(new URL('server.mjs', import.meta.url))
    const children = Array.from({ length: count }, () => fork(path, [url()]))
    ends.push(...children.map((child) => () => void child.kill('SIGKILL')))
    const ports = await Promise.all(
      children.map(async (child): Promise<number> => {
        const [port] = await once(child, 'message')
        return port
      }),
    )
    processes = new Processes(ports)
  }, 60_000)

  afterAll(() => {
    agent.destroy()
    for (const end of ends) end()
  })
  return () => {
    if (processes === undefined) throw new Error('the processes are there only while tests run')
    return processes
  }
}
