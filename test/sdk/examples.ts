import diagnostics from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import { serve as serveExpress } from '@lazu/example-express'
import { serve as serveFastify } from '@lazu/example-fastify'
import { serve as serveKoa } from '@lazu/example-koa'
import { createDemo, urlOf, type Demo, type Serve } from '@lazu/example-model'
import OpenAI from 'openai'
import { onTestFinished } from 'vitest'

/** The three examples, as they are. */
export const examples: readonly { readonly name: string; readonly serve: Serve }[] = [
  { name: 'Express', serve: serveExpress },
  { name: 'Koa', serve: serveKoa },
  { name: 'Fastify', serve: serveFastify },
]

/** An example that runs until the test is over. */
export interface RunningExample {
  readonly demo: Demo
  /** When each request reached the server. */
  readonly arrivalsMs: readonly number[]
  /** What the server logged. */
  readonly logged: readonly string[]
  /** What every answer said of the time to wait, in its order. */
  readonly announcedMs: readonly (number | undefined)[]
  /** The official SDK, with a key and the retries it does by itself, two unless given. */
  client(apiKey: string, maxRetries?: number): OpenAI
}

/**
 * Starts an example on a free port.
 *
 * @param change changes the demo before the server is made of it
 */
export async function start(
  serve: Serve,
  change: (demo: Demo) => void = () => {},
): Promise<RunningExample> {
  const demo = await createDemo()
  const logged: string[] = []
  const note = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`)
  }
  demo.options.logger = { error: note, warn: note }
  change(demo)
  const server = await serve(demo, 0)
  const arrivalsMs = recordArrivals(server)
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })

  const baseURL = `${urlOf(server)}/v1`
  const announcedMs: (number | undefined)[] = []
  return {
    demo,
    arrivalsMs,
    logged,
    announcedMs,
    client: (apiKey, maxRetries = 2) =>
      new OpenAI({
        baseURL,
        apiKey,
        maxRetries,
        async fetch(target, init) {
          const response = await fetch(target, init)
          const announced = response.headers.get('retry-after-ms')
          announcedMs.push(announced === null ? undefined : Number(announced))
          return response
        },
      }),
  }
}

/** Counts at the server, before anything of ours has seen the request. */
function recordArrivals(server: Server): readonly number[] {
  const arrivalsMs: number[] = []
  const note = (message: unknown): void => {
    if (isArrival(message) && message.server === server) arrivalsMs.push(performance.now())
  }
  diagnostics.subscribe('http.server.request.start', note)
  onTestFinished(() => {
    diagnostics.unsubscribe('http.server.request.start', note)
  })
  return arrivalsMs
}

function isArrival(message: unknown): message is { server: unknown } {
  return typeof message === 'object' && message !== null && 'server' in message
}
