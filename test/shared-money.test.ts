import { redisLedger } from '@lazu/redis'
import { describeWithPostgres, describeWithRedis } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { forkedServers } from './forked-servers.js'
import { openPostgresLedger, type OpenLedger } from './open-postgres-ledger.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const counts = [1, 3, 5]
const requestsEach = 50
const callMicros = 1_237

describeWithRedis('the money of several processes', (server) => {
  spendsExactly(
    () => server().url,
    async () => {
      const client = await createClient({ url: server().url }).connect()
      return { ledger: redisLedger(client), close: async () => client.destroy() }
    },
  )
})

describeWithPostgres('the money of several processes', (server) => {
  spendsExactly(
    () => server().url,
    () => openPostgresLedger(server().url),
  )
})

function spendsExactly(url: () => string, open: () => Promise<OpenLedger>): void {
  let opened: OpenLedger | undefined

  beforeAll(async () => {
    opened = await open()
  })

  afterAll(() => opened?.close())

  const ports = forkedServers(
    new URL('shared-money/server.mjs', import.meta.url),
    () => [
      JSON.stringify({
        url: url(),
        callMicros,
        keys: Object.fromEntries(counts.map((count) => [accountOf(count), keyOf(count)])),
      }),
    ],
    Math.max(...counts),
  )

  it.each(counts)(
    'is spent to the micro-dollar by %i, fifty requests at once each',
    async (count) => {
      if (opened === undefined) throw new Error('there is no ledger')
      const { ledger } = opened
      const account = accountOf(count)
      const asked = count * requestsEach
      const covered = asked / 10
      // All together cost ten times as much, and what is left is a micro-dollar short of one more.
      const granted = covered * callMicros + callMicros - 1
      await ledger.credit(account, granted, 'payment')

      const answers = await Promise.all(
        ports()
          .slice(0, count)
          .flatMap((port) => Array.from({ length: requestsEach }, () => ask(port, keyOf(count)))),
      )

      const served = answers.filter(({ said }) => said === '200 served')
      const refused = answers.filter(({ said }) => said === '403 insufficient_quota')
      expect([served.length, refused.length]).toEqual([covered, asked - covered])
      const settled = covered * callMicros
      // The charge comes right behind the answer.
      await vi.waitFor(
        async () => {
          const balance = { granted, settled, held: 0, available: callMicros - 1 }
          expect(await ledger.balance(account)).toEqual(balance)
        },
        { timeout: 15_000 },
      )
      for (const { requestId } of served) {
        const movements = (await ledger.movements?.(requestId)) ?? []
        const charges = movements.filter(({ kind }) => kind === 'settled')
        expect(charges).toMatchObject([{ account, amount: callMicros }])
      }
    },
  )
}

/** Whose money so many processes spend. */
function accountOf(count: number): string {
  return `of-${count}`
}

function keyOf(count: number): string {
  return `key-of-${count}`.padEnd(40, '0')
}

interface Answer {
  /** The status, and the code of the error. */
  readonly said: string
  readonly requestId: string
}

async function ask(port: number, key: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model: 'm', messages: [], max_tokens: 5 }),
  })
  const { error }: { error?: { code?: string } } = JSON.parse(await response.text())
  return {
    said: `${response.status} ${error?.code ?? 'served'}`,
    requestId: response.headers.get('x-request-id') ?? '',
  }
}
