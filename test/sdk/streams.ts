import { setImmediate } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { GatewayError, retryDelay } from '@lazu/core'
import { expect, it } from 'vitest'
import { expectTold, thrownBy } from './expecting.js'
import {
  forms,
  never,
  startGateway,
  streaming,
  type Answer,
  type Gateway,
  type Server,
} from './gateways.js'
import type { Sdk } from './sdk.js'

/** Streams from a source that gives nothing but an error. */
const failsAtOnce: Answer = ({ stream }) => {
  const source = new Readable({
    read() {
      this.destroy(new GatewayError('conversion_failed'))
    },
  })
  return stream(source)
}

/** A stream that broke is never taken for a whole one, and says what happened. */
export function runStreams(sdk: Sdk, server: Server): void {
  const { first, text, last } = sdk.events

  it('reads a whole stream', async (context) => {
    const answer = streaming([first, text('Hello'), text(' there'), last], () => {})
    const gateway = await startGateway(server, context, { answer })
    const texts: string[] = []
    for await (const part of sdk.stream(gateway)) texts.push(part)
    expect(texts.filter((part) => part !== '')).toEqual(['Hello', ' there'])
    expect(gateway.responseHeader('x-request-id')).toMatch(forms[server.dialect].id)
  })

  it('throws when a stream breaks off', async (context) => {
    const answer = streaming([first, text('Hello')], () => {
      throw new Error('SECRET')
    })
    const gateway = await startGateway(server, context, { answer })
    const { texts, error } = await readBroken(sdk.stream(gateway))
    expect(texts).toEqual(['Hello'])
    expectStreamError(gateway, error, 'a handler that fails')
    expect(gateway.logged.join()).toContain('SECRET')
    expect(gateway.arrivals).toHaveLength(1)
  })

  it('throws when a stream takes too long', async (context) => {
    const answer = streaming([first, text('Hello')], (_, clock) => {
      clock.advance(120_000)
      return never
    })
    const gateway = await startGateway(server, context, { answer, gateway: { timeout: '120s' } })
    const { texts, error } = await readBroken(sdk.stream(gateway))
    expect(texts).toEqual(['Hello'])
    expectStreamError(gateway, error, 'a request that takes too long')
  })

  it('throws when a stream breaks off within an event', async (context) => {
    const event = text(' there')
    const answer = streaming([first, text('Hello'), event.slice(0, -10)], () => {
      throw new Error('SECRET')
    })
    const gateway = await startGateway(server, context, { answer })
    const { texts, error } = await readBroken(sdk.stream(gateway))
    expect(texts).toEqual(['Hello'])
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain('SECRET')
    expect(retryDelay(error, 1)).toBeUndefined()
  })

  it('throws when the connection of a stream is lost', async (context) => {
    const texts: string[] = []
    const answer = streaming([first, text('Hello')], async ({ raw }) => {
      while (texts.length === 0) await setImmediate()
      raw.response.destroy()
    })
    const gateway = await startGateway(server, context, { answer })
    const { error } = await readBroken(sdk.stream(gateway), texts)
    expect(texts).toEqual(['Hello'])
    expect(error).toBeInstanceOf(Error)
    expect(gateway.arrivals).toHaveLength(1)
  })

  it('throws before a stream begins when it is refused', async (context) => {
    const answer = streaming([first, text('Hello'), last], () => {})
    const gateway = await startGateway(server, context, { answer })
    const { texts, error } = await readBroken(sdk.stream(gateway, { key: 'disabled' }))
    expect(texts).toEqual([])
    const [status, type, code] = sdk.rows['a key that is switched off']?.[server.dialect] ?? []
    expect(error).toMatchObject({ status })
    expect(error.constructor).toBe(sdk.errorClass(status))
    expect(sdk.told(error)).toMatchObject({ type, code })
  })

  it('throws before a stream begins when its source fails at once', async (context) => {
    const gateway = await startGateway(server, context, { answer: failsAtOnce })
    const { texts, error } = await readBroken(sdk.stream(gateway))
    expect(texts).toEqual([])
    expect(error.constructor).toBe(sdk.errorClass(server.dialect === 'tokendog' ? 400 : 500))
    expect(gateway.arrivals).toHaveLength(1)
  })

  function expectStreamError(gateway: Gateway, error: Error, what: string): void {
    expect(error.constructor).toBe(sdk.errorClass())
    const [, type, code] = sdk.rows[what]?.[server.dialect] ?? []
    expectTold(gateway, sdk.told(error), { what, type, code })
    expect(error.message).not.toContain('SECRET')
    // Part of the answer may have been used already.
    expect(retryDelay(error, 1)).toBeUndefined()
  }
}

/** The texts of a stream until it broke off, and what it threw then. */
async function readBroken(
  stream: AsyncIterable<string>,
  texts: string[] = [],
): Promise<{ texts: readonly string[]; error: Error }> {
  const reading = async (): Promise<void> => {
    for await (const text of stream) if (text !== '') texts.push(text)
  }
  return { error: await thrownBy(reading()), texts }
}
