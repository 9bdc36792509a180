import { systemClock, type Condition, type DialectName } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { fails, startGateway, type Answer, type Server } from './gateways.js'
import type { Sdk } from './sdk.js'

/** The tries an SDK makes by itself. Each waits for some hundred milliseconds, so they run at once. */
export function runOwnRetries(sdk: Sdk): void {
  const dialects = [...new Set(sdk.servers.map(({ dialect }) => dialect))]

  /** Fails once, then answers. */
  const failsOnce =
    (condition: Condition): Answer =>
    (...parts) =>
      parts[2] === 0 ? fails(condition)(...parts) : sdk.answer

  async function onEveryFramework(
    dialect: DialectName,
    check: (server: Server) => Promise<void>,
  ): Promise<void> {
    const servers = sdk.servers.filter((server) => server.dialect === dialect)
    expect(servers).toHaveLength(3)
    await Promise.all(servers.map((server) => check(server)))
  }

  describe.concurrent(`${sdk.name} tries again by itself`, () => {
    it.for(dialects)('after the time a 429 of %s tells', (dialect, context) =>
      onEveryFramework(dialect, async (server) => {
        const gateway = await startGateway(server, context, {
          answer: () => sdk.answer,
          gateway: { limits: { rpm: 60, burst: 1 }, clock: systemClock },
        })
        // One of the two is let in, whichever comes first.
        await Promise.all([sdk.ask(gateway), sdk.ask(gateway)])

        const { arrivals } = gateway
        expect(arrivals, server.name).toHaveLength(3)
        const refused = arrivals.find(({ response }) => response.statusCode === 429)
        const announcedMs = Number(refused?.response.getHeader('retry-after-ms'))
        // Longer than what it would have waited by itself.
        expect(announcedMs, server.name).toBeGreaterThan(600)
        expect(announcedMs, server.name).toBeLessThanOrEqual(1_000)
        const waitedMs = (arrivals[2]?.atMs ?? 0) - (refused?.atMs ?? 0)
        // A timer may go off a millisecond early.
        expect(waitedMs, server.name).toBeGreaterThanOrEqual(announcedMs - 1)
      }),
    )

    it.for(dialects)('after a 5xx of %s that may pass', (dialect, context) =>
      onEveryFramework(dialect, async (server) => {
        const answer = failsOnce('gateway_overloaded')
        const gateway = await startGateway(server, context, { answer })
        expect(await sdk.ask(gateway), server.name).toBe('Hello there')
        const statuses = gateway.arrivals.map(({ response }) => response.statusCode)
        expect(statuses, server.name).toEqual([503, 200])
      }),
    )

    it.for(dialects)('after a race for the quota of %s, whatever its status', (dialect, context) =>
      onEveryFramework(dialect, async (server) => {
        const answer = failsOnce('quota_conflict')
        const gateway = await startGateway(server, context, { answer })
        expect(await sdk.ask(gateway), server.name).toBe('Hello there')
        const statuses = gateway.arrivals.map(({ response }) => response.statusCode)
        expect(statuses, server.name).toEqual([dialect === 'tokendog' ? 403 : 500, 200])
      }),
    )
  })
}
