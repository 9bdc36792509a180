import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Handler, HandlerInput, Harness } from '../harness.js'
import { ask, expectError } from './client.js'
import { begin } from './timed-requests.js'
import { deferred, until } from './waiting.js'

/** A handler that was answered for when its time was over harms nothing. */
export function describeLateHandlers(harness: Harness): void {
  describe('a handler that goes on after its timeout', () => {
    const late: readonly [string, (input: HandlerInput) => unknown][] = [
      ['an answer', () => ({ late: true })],
      [
        'an answer written by hand',
        ({ raw: { response } }) => {
          response.statusCode = 200
          response.setHeader('x-late', 'yes')
          response.writeHead(200, { 'content-type': 'text/plain' })
          response.write('late')
          response.end('later')
        },
      ],
      ['a header and an answer', ({ setHeader }) => (setHeader('x-late', 'yes'), { late: true })],
      ['a stream', ({ stream }) => stream(Readable.from(['data: late\n\n']))],
    ]

    it.each(late)('harms nothing: %s', async (_, answerLate) => {
      const gate = deferred()
      const handler: Handler = async (input) => {
        await gate.promise
        return answerLate(input)
      }
      const { world, server, answer } = await begin(harness, { timeout: '5s' }, handler)
      world.clock.advance(5_000)
      const timedOut = await answer
      expectError(timedOut, 504, 'upstream_timeout')
      expect(timedOut.headers.get('x-late')).toBe(null)
      gate.resolve()
      await until('the late write is told', () => world.happened.lateWrite.length > 0)
      await world.untilQuiet()
      expect(world.happened.lateWrite).toHaveLength(1)
      expect(world.happened.settled).toMatchObject([{ ended: 'released', amount: 0 }])
      expect(world.happened.failed).toHaveLength(1)
      expect(world.log).toEqual([])
      // The server lives, and so does the connection.
      expectError(
        await ask(server, 'GET /nothing', { key: await world.key() }),
        404,
        'route_not_found',
      )
    })

    it('may fail, which the caller never hears of', async () => {
      const gate = deferred()
      const handler: Handler = async () => {
        await gate.promise
        throw new Error('too late')
      }
      const { world, server, answer } = await begin(harness, { timeout: '5s' }, handler)
      world.clock.advance(5_000)
      expectError(await answer, 504, 'upstream_timeout')
      gate.resolve()
      await world.untilQuiet()
      expect((await ask(server, 'GET /nothing')).status).toBe(401)
      expect(world.happened.failed).toHaveLength(1)
    })
  })
}
