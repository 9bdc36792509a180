import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createEvents, GatewayError, guardPipeline, NodeExchange, type Guard } from '@lazu/core'
import { listening } from '@lazu/testkit'
import { expect, it, onTestFinished } from 'vitest'

class PlainExchange extends NodeExchange {
  override body(): unknown {
    return undefined
  }
}

/** Asks a server of Node's own with these guards before it, and says what came of it. */
async function ask(...guards: Guard[]): Promise<{ status: number; said: string; told: string[] }> {
  const events = createEvents()
  const told: string[] = []
  events.on('refused', ({ condition }) => told.push(condition))
  events.on('failed', ({ condition }) => told.push(condition))
  const pipeline = guardPipeline(guards, { events })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await pipeline.enter(new PlainExchange(request, response, '/'))) response.end('served')
  }
  const server = createServer((request, response) => void answer(request, response))
  const running = await listening(server.listen(0, '127.0.0.1'))
  onTestFinished(() => running.close())
  const response = await fetch(running.url)
  return { status: response.status, said: await response.text(), told }
}

const refusal = (): GatewayError => new GatewayError('access_denied', { message: 'Good night.' })

const ways: readonly [string, Guard['enter']][] = [
  [
    'throws it',
    () => {
      throw refusal()
    },
  ],
  ['returns it', () => refusal()],
  ['rejects with it', () => Promise.reject(refusal())],
  ['resolves to it', () => Promise.resolve(refusal())],
]

it.each(ways)('a guard that %s refuses a request', async (_, enter) => {
  const entered: string[] = []
  const { status, said, told } = await ask(
    { name: 'night', phase: 'head', enter, leave: () => void entered.push('left') },
    { name: 'next', phase: 'head', enter: () => void entered.push('next') },
  )
  expect(status).toBe(403)
  expect(JSON.parse(said)).toMatchObject({
    error: { message: 'Good night.', code: 'access_denied' },
  })
  expect(told).toEqual(['access_denied'])
  expect(entered).toEqual([])
})

it('a guard that waits and then returns nothing lets a request pass', async () => {
  const guard: Guard = { name: 'open', phase: 'head', enter: () => Promise.resolve() }
  expect(await ask(guard)).toEqual({ status: 200, said: 'served', told: [] })
})
