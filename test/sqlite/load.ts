import { expect } from 'vitest'
import type { ServerProcess } from './server-process.js'

/** How a server is kept busy. */
export interface LoadOptions {
  /** A key of the account `acme`. */
  readonly key: string
  /** What the references of the credits begin with. */
  readonly name: string
  /** Which stream never ends: the server kills itself once the first event of it is here. */
  readonly dieInStream?: number | undefined
}

/**
 * Sends a server requests, streams and credits, several at once, until it is gone. Until then every
 * answer is a good one.
 *
 * @returns the amounts of the credits it was sent, by their reference
 */
export async function keepBusy(
  server: ServerProcess,
  options: LoadOptions,
): Promise<ReadonlyMap<string, number>> {
  const { key, name, dieInStream } = options
  const credits = new Map<string, number>()
  let requests = 0
  let streams = 0

  async function chat(): Promise<void> {
    const response = await server.ask('chat', key, { usage: usageOf(requests++) })
    expect(await response.json()).toEqual({ ok: true })
  }

  async function stream(): Promise<void> {
    const neverEnds = ++streams === dieInStream
    const response = await server.ask('stream', key, { usage: usageOf(requests++), neverEnds })
    expect(response.status).toBe(200)
    if (neverEnds) {
      await response.body?.getReader().read()
      await server.die(response.headers.get('x-request-id') ?? '')
    } else {
      expect(await response.text()).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\n')
    }
  }

  async function credit(): Promise<void> {
    const reference = `${name}-${credits.size}`
    const amount = 1_000 + credits.size
    credits.set(reference, amount)
    await server.ledger('credit', 'acme', amount, reference)
  }

  const work = [chat, chat, chat, stream, stream, stream, credit]
  await Promise.all(work.map((each) => untilGone(server, each)))
  return credits
}

/** Does something over and over. */
async function untilGone(server: ServerProcess, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work()
    } catch (error) {
      // What fetch throws for a connection that is gone.
      if (!(error instanceof TypeError)) throw error
      await server.ended
      return
    }
  }
}

/** Different charges, none above what a request reserves. */
function usageOf(request: number): { inputTokens: number; outputTokens: number } {
  return { inputTokens: 1, outputTokens: 1 + (request % 20) }
}
