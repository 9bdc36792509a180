import { Readable } from 'node:stream'
import type { App, HandlerInput } from '../harness.js'
import { ask, open } from './client.js'
import { RawClient } from './raw-client.js'
import { deferred, until } from './waiting.js'
import type { RunningApp } from '../harness.js'
import type { World } from './world.js'

/** What the endings of one test tell each other. */
export interface EndingParts {
  readonly world: World
  readonly server: RunningApp
  readonly key: string
}

/** One way in which a request can end. */
export interface Ending {
  readonly name: string
  /** Sends a request that ends in this way, and waits until the client has seen it. */
  readonly run: (parts: EndingParts) => Promise<void>
  /** Whether the whole response reached the client. */
  readonly completed: boolean
  readonly status: number
}

/** The time limit that the app of endings must have, in milliseconds. */
export const endingTimeoutMs = 5_000

/** The routes the endings ask for. Requests that never end by themselves wait for `entered`. */
export function endingRoutes(): { routes: App['routes']; entered: () => number } {
  let entered = 0
  const hang = async ({ lazu }: HandlerInput): Promise<void> => {
    entered++
    const over = deferred()
    lazu.signal.addEventListener('abort', () => over.resolve())
    await over.promise
    // As a handler does whose work was aborted.
    throw lazu.signal.reason
  }
  const routes: App['routes'] = {
    'POST /ok': () => ({ ok: true }),
    'POST /throw': () => {
      throw new Error('broken')
    },
    'POST /fail': ({ lazu }) => lazu.fail('file_not_found'),
    'POST /hang': hang,
    'POST /stream': ({ stream }) => stream(Readable.from(events(3))),
    'POST /broken-stream': ({ stream }) => stream(Readable.from(events(1, new Error('broken')))),
    'POST /endless': ({ stream }) => {
      entered++
      return stream(endless())
    },
    // More than a connection takes that nobody reads from.
    'POST /large': () => ({ entered: ++entered, text: 'x'.repeat(30_000_000) }),
    'POST /cut': async ({ raw: { response } }) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      await new Promise((resolve) => void response.write('{', resolve))
      throw new Error('broken')
    },
  }
  return { routes, entered: () => entered }
}

const body = { model: 'm', max_tokens: 10 }

function answered(name: string, path: string, status: number): Ending {
  return {
    name,
    status,
    completed: true,
    run: async ({ server, key }) => void (await ask(server, `POST ${path}`, { key, body })),
  }
}

/** Every way in which a request that was let in can end. */
export function endings(entered: () => number): readonly Ending[] {
  /** Sends a request, waits until its handler runs, does something, and waits for its end. */
  const during = (
    name: string,
    path: string,
    act: (parts: EndingParts, client: RawClient) => Promise<void>,
    rest: Pick<Ending, 'status' | 'completed'>,
  ): Ending => ({
    name,
    ...rest,
    async run(parts) {
      const before = entered()
      const client = await RawClient.connect(parts.server)
      client.sendHead(...requestHead(path, parts.key, JSON.stringify(body).length))
      client.send(JSON.stringify(body))
      await until('the handler runs', () => entered() > before)
      await act(parts, client)
      client.leave()
    },
  })
  return [
    answered('an answer', '/ok', 200),
    answered('a handler that throws', '/throw', 500),
    answered('a handler that refuses', '/fail', 404),
    answered('no route', '/nothing', 404),
    answered('a stream', '/stream', 200),
    answered('a stream that fails', '/broken-stream', 200),
    {
      name: 'a response that is cut off',
      status: 200,
      completed: false,
      async run({ server, key }) {
        const response = await open(server, 'POST /cut', { key, body })
        await response.text().catch(() => {})
      },
    },
    during('a client that leaves while it waits', '/hang', async () => {}, {
      status: 200,
      completed: false,
    }),
    during(
      'a client that leaves in a stream',
      '/endless',
      (_, client) => client.untilReceived('data: 1'),
      { status: 200, completed: false },
    ),
    during(
      'a client that leaves with the answer on its way',
      '/large',
      (_, client) => client.untilReceived('"entered"'),
      { status: 200, completed: false },
    ),
    during(
      'a timeout',
      '/hang',
      async ({ world }, client) => {
        world.clock.advance(endingTimeoutMs)
        await client.untilReceived('upstream_timeout')
      },
      { status: 504, completed: true },
    ),
    during(
      'a timeout in a stream',
      '/endless',
      async ({ world }, client) => {
        await client.untilReceived('data: 1')
        world.clock.advance(endingTimeoutMs)
        await client.untilReceived('upstream_timeout')
      },
      { status: 200, completed: true },
    ),
    {
      name: 'a client that leaves in the body',
      status: 200,
      completed: false,
      async run({ server, key }) {
        const client = await RawClient.connect(server)
        client.sendHead(...requestHead('/ok', key, 1_000))
        client.send('{"model":')
        await new Promise((resolve) => void setImmediate(resolve))
        client.leave()
      },
    },
  ]
}

function requestHead(path: string, key: string, length: number): string[] {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: here',
    'Content-Type: application/json',
    `Content-Length: ${length}`,
    `Authorization: Bearer ${key}`,
  ]
}

async function* events(count: number, failure?: Error): AsyncGenerator<string> {
  for (let n = 1; n <= count; n++) yield `data: ${n}\n\n`
  if (failure !== undefined) throw failure
}

/** A stream with one event, that waits for ever for its second. */
function endless(): Readable {
  const stream = new Readable({ read() {} })
  stream.push('data: 1\n\n')
  return stream
}
