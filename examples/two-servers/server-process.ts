import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a server process tells the one that made it: where it listens, or why it cannot. */
export type ServerNews = { readonly port: number } | { readonly problem: string }

/** A server in a process of its own. */
export interface ServerProcess {
  /** What it puts into `x-served-by`. */
  readonly name: string
  readonly pid: number | undefined
  /** On 127.0.0.1. */
  readonly port: number
  /** Resolves when the process is gone, however that came. */
  readonly ended: Promise<unknown>
  /** Lets it end what it does. Done twice, it ends at once. */
  stop(): void
}

/**
 * Starts a server, and resolves when it listens.
 *
 * @throws Error that says why it does not
 */
export async function startServer(name: string): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL('server.js', import.meta.url)), [name])
  const ended = once(child, 'exit')
  const news = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', () => reject(new Error(`${name} ended before it listened.`)))
  })
  if (!isNews(news)) throw new Error(`${name} says something nobody understands.`)
  if ('problem' in news) throw new Error(news.problem)
  return {
    name,
    pid: child.pid,
    port: news.port,
    ended,
    stop: () => void child.kill('SIGTERM'),
  }
}

function isNews(news: unknown): news is ServerNews {
  if (typeof news !== 'object' || news === null) return false
  return (
    ('port' in news && typeof news.port === 'number') ||
    ('problem' in news && typeof news.problem === 'string')
  )
}
