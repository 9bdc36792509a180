import { retryDelay, type Condition } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { runAdvice } from './advice.js'
import { expectRequestId, expectTold, thrownBy } from './expecting.js'
import { fails, startGateway, type Server } from './gateways.js'
import { refusalList } from './refusals.js'
import type { Sdk } from './sdk.js'
import { runStreams } from './streams.js'

/** Conditions no second try can mend, told by a 5xx in some dialects. */
const hopeless: readonly Condition[] = [
  'conversion_failed',
  'channel_key_invalid',
  'channel_mapping_failed',
]

/** What every official SDK and every gateway that speaks its protocol hold to, on every framework. */
export function runSdkContract(sdk: Sdk): void {
  describe.for(sdk.servers)(`${sdk.name} and $name`, (server) => {
    runAnswers(sdk, server)
    runRefusals(sdk, server)
    runStreams(sdk, server)
    runAdvice(sdk, server)
  })
}

function runAnswers(sdk: Sdk, server: Server): void {
  describe.for([...sdk.carriers])('a key in $name', ({ ask, keyOf }) => {
    it('is accepted', async (context) => {
      const gateway = await startGateway(server, context, { answer: () => sdk.answer })
      expect(await ask(gateway, 'good')).toBe('Hello there')
      expect(gateway.arrivals).toHaveLength(1)
      expect(gateway.arrivals.map(({ request }) => keyOf(request))).toEqual([gateway.keys.good])
    })

    it('is refused when nobody has it', async (context) => {
      const gateway = await startGateway(server, context, { answer: () => sdk.answer })
      const error = await thrownBy(ask(gateway, 'unknown'))
      expect(error).toMatchObject({ status: 401 })
      expect(gateway.arrivals.map(({ request }) => keyOf(request))).toEqual([gateway.keys.unknown])
    })
  })
}

function runRefusals(sdk: Sdk, server: Server): void {
  it.for(refusalList)('refused: $what', async ({ what, refusal }, context) => {
    const { answer = () => sdk.answer, gateway: options, call = 1, passing = false } = refusal
    const gateway = await startGateway(server, context, { answer, gateway: options })
    const { key, model, prompt } = refusal
    // What may pass is tried again otherwise.
    const asked = { key, model, prompt, ...(passing && { maxRetries: 0 }) }
    for (let before = 1; before < call; before++) await sdk.ask(gateway, asked)

    const error = await thrownBy(sdk.ask(gateway, asked))

    const [status, type, code] = sdk.rows[what]?.[server.dialect] ?? []
    expect(error).toMatchObject({ status })
    expect(error.constructor).toBe(sdk.errorClass(status))
    expectTold(gateway, sdk.told(error), { what, type, code })
    expect(error.message).not.toContain('SECRET')
    expect(gateway.arrivals).toHaveLength(call)

    const { announcedMs } = refusal
    const seconds = announcedMs === undefined ? undefined : String(Math.ceil(announcedMs / 1000))
    expect(gateway.responseHeader('retry-after')).toBe(seconds)
    const waitMs = announcedMs === undefined ? 500 : roundUp(announcedMs, sdk.waitUnitMs)
    expect(retryDelay(error, 1, { random: () => 0.5 })).toBe(passing ? waitMs : undefined)
  })

  it.for(hopeless)('not tried again: %s', async (condition, context) => {
    const gateway = await startGateway(server, context, { answer: fails(condition) })
    const error = await thrownBy(sdk.ask(gateway))
    expectRequestId(gateway, sdk.told(error).requestId)
    expect(gateway.arrivals).toHaveLength(1)
  })

  // Whoever sees no header is told by hints.
  const tellsAll = sdk.seesHeaders || server.dialect === 'lemondata'
  it.for(tellsAll ? hopeless : [])('not advised to try again: %s', async (condition, context) => {
    const gateway = await startGateway(server, context, { answer: fails(condition) })
    const error = await thrownBy(sdk.ask(gateway))
    expect(retryDelay(error, 1)).toBeUndefined()
  })

  it('not tried again: what an upstream will go on rejecting', async (context) => {
    const gateway = await startGateway(server, context, {
      answer() {
        throw new Response('{"error":{"message":"SECRET"}}', { status: 404 })
      },
    })
    const error = await thrownBy(sdk.ask(gateway))
    expect(error).toMatchObject({ status: 502 })
    expect(error.message).not.toContain('SECRET')
    expect(gateway.arrivals).toHaveLength(1)
    expect(retryDelay(error, 1)).toBeUndefined()
  })
}

function roundUp(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs
}
