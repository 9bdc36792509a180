import { setImmediate } from 'node:timers/promises'
import { retryDelay, withRetry, type RetryNotice } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { expectRequestId, thrownBy } from './expecting.js'
import { fails, never, startGateway, type Gateway, type KeyName, type Server } from './gateways.js'
import type { Sdk } from './sdk.js'

/** What withRetry makes of the errors of an SDK that does not try again by itself. */
export function runAdvice(sdk: Sdk, server: Server): void {
  describe('withRetry', () => {
    it('waits as long as it is told, and is let in then', async (context) => {
      const gateway = await startGateway(server, context, {
        answer: () => sdk.answer,
        gateway: { limits: { rpm: 30, burst: 1 } },
      })
      const notices: RetryNotice[] = []
      const ask = (): Promise<string> => asking(sdk, gateway, notices)
      expect(await ask()).toBe('Hello there')
      expect(await ask()).toBe('Hello there')
      expect(notices.map(({ delayMs }) => delayMs)).toEqual([2_000])
      expect(gateway.arrivals).toHaveLength(3)
    })

    it('gives up after three tries, with what the last one threw', async (context) => {
      const gateway = await startGateway(server, context, { answer: fails('gateway_overloaded') })
      const notices: RetryNotice[] = []
      const error = await thrownBy(asking(sdk, gateway, notices))
      expect(error.constructor).toBe(sdk.errorClass(503))
      expectRequestId(gateway, sdk.told(error).requestId)
      expect(notices.map(({ delayMs }) => delayMs)).toEqual([500, 1_000])
      expect(gateway.arrivals).toHaveLength(3)
    })

    it('does not try again what cannot get better', async (context) => {
      const gateway = await startGateway(server, context, { answer: () => sdk.answer })
      const notices: RetryNotice[] = []
      await thrownBy(asking(sdk, gateway, notices, 'poor'))
      expect(notices).toEqual([])
      expect(gateway.arrivals).toHaveLength(1)
    })

    it('tries again when a race for the quota was lost, once where the code tells', async (context) => {
      const gateway = await startGateway(server, context, { answer: fails('quota_conflict') })
      const notices: RetryNotice[] = []
      await thrownBy(asking(sdk, gateway, notices))
      const tells = server.dialect === 'lazu' || server.dialect === 'tokendog'
      expect(notices).toHaveLength(tells ? 1 : 2)
    })

    it('tries again when nobody listens', async (context) => {
      const gateway = await startGateway(server, context, { answer: () => sdk.answer })
      await gateway.stop()
      const notices: RetryNotice[] = []
      await thrownBy(asking(sdk, gateway, notices))
      expect(notices.map(({ delayMs }) => delayMs)).toEqual([500, 1_000])
    })

    it('does not try again what its caller has ended', async (context) => {
      const controller = new AbortController()
      const gateway = await startGateway(server, context, {
        answer() {
          controller.abort()
          return never
        },
      })
      const { signal } = controller
      const error = await thrownBy(sdk.ask(gateway, { maxRetries: 0, signal }))
      expect(retryDelay(error, 1)).toBeUndefined()
    })
  })
}

/** Asks through withRetry, on the gateway's clock, which goes on as soon as somebody waits. */
function asking(
  sdk: Sdk,
  gateway: Gateway,
  notices: RetryNotice[],
  key: KeyName = 'good',
): Promise<string> {
  return withRetry(() => sdk.ask(gateway, { key, maxRetries: 0 }), {
    clock: gateway.clock,
    random: () => 0.5,
    onRetry(notice) {
      notices.push(notice)
      void setImmediate().then(() => gateway.clock.advance(notice.delayMs))
    },
  })
}
