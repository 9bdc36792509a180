import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import { ask, errorIn, expectError, open } from './client.js'
import { secret } from './thrown-things.js'
import { serve, World } from './world.js'

/** Errors that come when the response has begun already, or is over. */
export function describeEndedResponses(harness: Harness): void {
  describe('an error when the response has begun', () => {
    it('is the last event of an event stream, which then ends', async () => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: { 'GET /stream': ({ stream }) => stream(Readable.from(breaking(2))) },
      })
      const answer = await ask(server, 'GET /stream')
      expect(answer.status).toBe(200)
      expect(answer.text.startsWith('data: {"n":0}\n\ndata: {"n":1}\n\n')).toBe(true)
      const error = errorIn(lastEvent(answer.text))
      expect(error).toMatchObject({ code: 'internal_error', param: null })
      expect(error.request_id).toBe(answer.headers.get('x-request-id'))
      expect(answer.text).not.toContain('SECRET')
      expect(world.log).toHaveLength(1)
      expect(world.happened.failed).toHaveLength(1)
    })

    it('is the last event of a stream that was written by hand', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: {
          'GET /stream': ({ lazu, raw: { response } }) => {
            response.writeHead(200, { 'Content-Type': 'text/event-stream' })
            response.write('data: {"n":0}\n\n')
            return lazu.fail('upstream_read_failed')
          },
        },
      })
      const answer = await ask(server, 'GET /stream')
      expect(answer.status).toBe(200)
      expect(errorIn(lastEvent(answer.text)).code).toBe('upstream_network_error')
    })

    it('is a whole answer when an event stream failed before its first event', async () => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: { 'GET /stream': ({ stream }) => stream(Readable.from(breaking(0))) },
      })
      expectError(await ask(server, 'GET /stream'), 500, 'internal_error')
      expect(world.log).toHaveLength(1)
    })

    it('cuts off anything else, so that nobody takes half of it for the whole', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: {
          'GET /half': async ({ raw: { response } }) => {
            response.writeHead(200, { 'content-type': 'application/json' })
            await new Promise((resolve) => void response.write('{"half":', resolve))
            throw new Error(secret)
          },
        },
      })
      const response = await open(server, 'GET /half')
      expect(response.status).toBe(200)
      await expect(response.text()).rejects.toThrow('terminated')
    })

    it('leaves a response alone that the handler had finished', async () => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: {
          'GET /done': ({ raw: { response } }) => {
            response.writeHead(200, { 'content-type': 'text/plain' })
            response.end('done')
            throw new Error(secret)
          },
        },
      })
      const answer = await ask(server, 'GET /done')
      expect(answer).toMatchObject({ status: 200, text: 'done' })
      expect(world.happened.failed).toEqual([])
    })
  })
}

/** Some events, and then a failure. */
async function* breaking(events: number): AsyncGenerator<string> {
  for (let n = 0; n < events; n++) yield `data: ${JSON.stringify({ n })}\n\n`
  throw new Error(secret)
}

/** The data of the last event of a stream. Fails when the stream does not end with a whole event. */
export function lastEvent(text: string): string {
  expect(text.endsWith('\n\n')).toBe(true)
  const events = text.split('\n\n').filter((event) => event !== '')
  const last = events.at(-1) ?? ''
  expect(last.startsWith('data: ')).toBe(true)
  return last.slice('data: '.length)
}
