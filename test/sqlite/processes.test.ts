import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { audit } from './audit.js'
import { knownMs, ServerProcess } from './server-process.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

interface Three {
  readonly path: string
  readonly servers: readonly [ServerProcess, ServerProcess, ServerProcess]
}

/** Three servers that are started at once on a file that is not there yet. */
async function threeServers(costOfCall = 1): Promise<Three> {
  const path = join(folder, `${files++}.db`)
  const price = { input: 0, output: 0, call: costOfCall }
  const start = (): Promise<ServerProcess> => ServerProcess.start({ path, price })
  return { path, servers: await Promise.all([start(), start(), start()]) }
}

/** Does something so many times at once in each server. */
function atOnce<Result>(
  times: number,
  { servers }: Three,
  work: (server: ServerProcess, index: number) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(
    servers.flatMap((server) => Array.from({ length: times }, (_, index) => work(server, index))),
  )
}

/** How a request was answered: its status, and the code of its error. */
async function answerOf(response: Response): Promise<string> {
  const text = await response.text()
  const { error }: { error?: { code?: string } } = JSON.parse(text)
  return `${response.status} ${error?.code ?? 'served'}`
}

function countOf(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

describe('three processes on one file', { timeout: 60_000 }, () => {
  it.for([
    { balance: 18_555 + 1_236, cost: 1_237, served: 15 },
    { balance: 1_000_000, cost: 600_000, served: 1 },
    { balance: 999_999, cost: 1_000_000, served: 0 },
  ])(
    'serve of 150 requests at once $served that cost $cost each from $balance',
    async ({ balance, cost, served }) => {
      const three = await threeServers(cost)
      const [server] = three.servers
      const { key } = await server.keys('create', { account: 'acme', name: 'shared' })
      await server.ledger('credit', 'acme', balance, 'payment')

      const usage = { inputTokens: 5, outputTokens: 5 }
      const answers = await atOnce(50, three, async (each) =>
        answerOf(await each.ask('chat', key, { usage })),
      )

      expect(countOf(answers)).toEqual({
        ...(served > 0 && { '200 served': served }),
        '403 insufficient_quota': 150 - served,
      })
      // The charge comes right behind the answer.
      await vi.waitFor(async () => {
        expect(await server.ledger('balance', 'acme')).toEqual({
          granted: balance,
          settled: served * cost,
          held: 0,
          available: balance - served * cost,
        })
      }, 15_000)
      const { charges } = audit(three.path)
      expect([...charges.values()]).toEqual(Array.from({ length: served }, () => cost))
    },
  )

  it('count a credit once that all of them are told', async () => {
    const three = await threeServers()
    await atOnce(20, three, (server, index) =>
      server.ledger('credit', 'acme', 1_000 + index, `payment-${index}`),
    )
    const { granted } = await three.servers[0].ledger('balance', 'acme')
    expect(granted).toBe(20 * 1_000 + 190)
    expect(audit(three.path).credits.size).toBe(20)
  })

  it('lose no change of a key', async () => {
    const { servers } = await threeServers()
    const [one, two, three] = servers
    const { record } = await one.keys('create', { account: 'acme', name: 'new' })
    const turns = Array.from({ length: 20 }, (_, index) => `${index + 1}`)
    await Promise.all([
      inTurn(turns, (name) => untilDone(() => one.keys('update', record.id, { name }))),
      inTurn(turns, (lane) => untilDone(() => two.keys('update', record.id, { lane }))),
      inTurn(turns, (turn) =>
        untilDone(() => three.keys('update', record.id, { metadata: { turn } })),
      ),
    ])
    expect(await one.keys('get', record.id)).toEqual({
      ...record,
      name: '20',
      lane: '20',
      metadata: { turn: '20' },
      revision: 61,
    })
  })

  it('know the keys that one of them made, and refuse what one of them revoked', async () => {
    const { servers } = await threeServers()
    const [one, ...others] = servers
    await one.ledger('credit', 'acme', 1_000, 'payment')
    const { key, record } = await one.keys('create', { account: 'acme', name: 'shared' })
    const usage = { inputTokens: 5, outputTokens: 5 }
    const answers = (): Promise<string[]> =>
      Promise.all(servers.map(async (server) => answerOf(await server.ask('chat', key, { usage }))))
    expect(await answers()).toEqual(['200 served', '200 served', '200 served'])

    await one.keys('revoke', record.id)
    await Promise.all(others.map((server) => server.advance(knownMs)))
    const refused = '401 invalid_api_key'
    expect(await answers()).toEqual([refused, refused, refused])
  })
})

async function inTurn<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>) {
  for (const item of items) await work(item)
}

/** Repeats a change as long as others were faster. Whoever is told 409 knows that nothing was done. */
async function untilDone(change: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await change()
      return
    } catch (error) {
      if (!String(error).includes('answered 409')) throw error
    }
  }
}
