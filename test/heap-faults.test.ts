import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describeWithRedis, startFaultProxy, type FaultProxy } from '@lazu/testkit'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { forkedServers } from './forked-servers.js'
import { Load } from './store-faults/load.js'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

const key = 'sk-heap'.padEnd(40, '0')
const faultMs = 400

/** A process keeps what it makes once: in the first rounds it comes to all there is to make. */
const firstRounds = 2
const rounds = 4

/** An entry of a map, an id and an object, is five times as much. */
const mostBytesEach = 20

/** For what has to come, on a machine that may have others to run. */
const patience = { timeout: 20_000, interval: 20 }

describeWithRedis('the memory of a gateway', (server) => {
  let proxy: FaultProxy | undefined

  beforeAll(async () => {
    proxy = await startFaultProxy({ port: server().port })
  })

  afterAll(() => proxy?.close())

  const ports = forkedServers(
    new URL('store-faults/heap-gateway.mjs', import.meta.url),
    () => [JSON.stringify({ port: proxy?.port, key })],
    1,
  )

  it('does not grow, however often its store hangs, refuses and comes back', async () => {
    const [port] = ports()
    if (proxy === undefined || port === undefined) throw new Error('there is no gateway')
    const url = `http://127.0.0.1:${port}`
    for (let round = 0; round < firstRounds; round++) await failAndComeBack(proxy, url)
    const bytesBefore = await bytesOnHeap(url)
    let asked = 0
    for (let round = 0; round < rounds; round++) asked += await failAndComeBack(proxy, url)
    const grown = (await bytesOnHeap(url)) - bytesBefore
    expect(grown / asked).toBeLessThan(mostBytesEach)
  })
})

/** Lets the store fail in two ways under load, and come back. How many requests there were. */
async function failAndComeBack(proxy: FaultProxy, url: string): Promise<number> {
  const load = new Load(url, key)
  try {
    await vi.waitFor(() => expect(load.isServedByStores(0)).toBe(true), patience)
    proxy.hang()
    await delay(faultMs)
    await proxy.refuse()
    proxy.reset()
    await delay(faultMs)
    await proxy.pass()
    const passedMs = performance.now()
    await vi.waitFor(() => expect(load.isServedByStores(passedMs)).toBe(true), patience)
  } finally {
    await load.stop()
  }
  expect(load.asked.some(({ status }) => status === 503)).toBe(true)
  return load.asked.length
}

/** What is read of a heap snapshot: the fields of all nodes, one behind the other. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [kinds: readonly string[]]
    }
  }
  readonly nodes: readonly number[]
}

/**
 * What an entry of anything is made of. Not code, which is compiled again while it gets hot, nor the
 * tables of maps, which grow and shrink by the half.
 */
const kinds = new Set([
  'closure',
  'concatenated string',
  'number',
  'object',
  'sliced string',
  'string',
])

/** How much of that is on a gateway's heap. */
async function bytesOnHeap(url: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lazu-heap-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'heap.heapsnapshot')
  const headers = { 'content-type': 'text/plain' }
  const response = await fetch(`${url}/heap`, { method: 'POST', headers, body: file })
  expect(await response.json()).toEqual({ file })
  const { snapshot, nodes }: Snapshot = JSON.parse(await readFile(file, 'utf8'))
  const { node_fields: fields, node_types: types } = snapshot.meta
  const kindAt = fields.indexOf('type')
  const bytesAt = fields.indexOf('self_size')
  let bytes = 0
  for (let node = 0; node < nodes.length; node += fields.length) {
    const kind = types[0][nodes[node + kindAt] ?? -1] ?? ''
    if (kinds.has(kind)) bytes += nodes[node + bytesAt] ?? 0
  }
  return bytes
}
