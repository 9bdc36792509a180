import {
  MemoryKeyStore,
  MemoryLedger,
  TokenBucketMemory,
  createKeys,
  type ApiKey,
  type GatewayOptions,
  type LimitStore,
} from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { folderWith, runIn } from './command.js'
import { chat, doctor, serve, share, soundApp, type Told } from './doctor-setup.js'

async function told(config: string, argv: readonly string[] = []): Promise<readonly Told[]> {
  const folder = await folderWith({ 'lazu.config.mjs': config })
  const { code, stdout } = await runIn(folder, ['doctor', '--json', ...argv])
  expect(code).toBe(1)
  return JSON.parse(stdout)
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}

function fail(): never {
  throw new Error('disk I/O error')
}

describe('a configuration that cannot be used', () => {
  it('is told with its code and how to mend it', async () => {
    const [first] = await told(
      "import { createKeys } from '@lazu/core'\n" +
        'export default { gateway: { keys: createKeys({ pepers: [] }) } }',
    )
    expect(first).toMatchObject({ code: 'LAZU_DOCTOR_CONFIGURATION', level: 'mistake' })
    expect(first?.found).toContain('LAZU_CONFIG_UNKNOWN_OPTION: createKeys().pepers')
    expect(first?.found).toContain('Look for a typing mistake')
  })

  it.each([
    ['a limit that is none', '{ gateway: { limits: { rpm: -1 } } }', 'lazu().limits.rpm is -1'],
    ['an alias of no model', "{ gateway: { models: ['a'], aliases: { b: 'c' } } }", 'aliases'],
    ['a route without a method', "{ gateway: {}, routes: ['/v1'] }", 'routes[0] is "/v1"'],
  ])('is one with %s', async (_, config, found) => {
    const [first] = await told(`export default ${config}`)
    expect(first).toMatchObject({ code: 'LAZU_DOCTOR_CONFIGURATION', level: 'mistake' })
    expect(first?.found).toContain(found)
    expect(first?.mend).not.toBe('')
  })

  it('does not keep the server from being examined', async () => {
    const { options } = await share()
    const url = await serve(soundApp(options))
    const lines = await told('throw new Error("no stores here")', ['--url', url, '--route', chat])
    expect(lines[0]?.found).toContain('no stores here')
    const of = (code: string): Told | undefined => lines.find((line) => line.code === code)
    expect(of('LAZU_DOCTOR_OPEN_ROUTE')).toMatchObject({ level: 'ok', route: chat })
    expect(of('LAZU_DOCTOR_BODY_BEFORE_KEY')).toMatchObject({ level: 'ok' })
    expect(of('LAZU_DOCTOR_LEDGER')).toMatchObject({ level: 'not_checked' })
  })
})

describe('a store that does not answer', () => {
  it.each([
    ['keys', 'KEYS', ({ keys }: GatewayOptions) => ({ keys: broken(keys, { list: never }) })],
    [
      'the ledger',
      'LEDGER',
      ({ ledger }: GatewayOptions) => ({ ledger: broken(ledger, { balance: never }) }),
    ],
    [
      'the request log',
      'REQUEST_LOG',
      ({ requestLog }: GatewayOptions) => ({ requestLog: broken(requestLog, { find: never }) }),
    ],
  ])('within 2 s is a mistake: %s', async (_, check, breaks) => {
    const { options } = await share()
    const { code, of } = await doctor({ gateway: { ...options, ...breaks(options) } })
    expect(code).toBe(1)
    expect(of(check)).toMatchObject([
      { level: 'mistake', found: expect.stringContaining('no answer within 2 s') },
    ])
    expect(of(check)[0]?.mend).toContain('503')
  })

  it('but throws is a mistake that says what it threw', async () => {
    const { options } = await share()
    const { code, of } = await doctor({
      gateway: {
        ...options,
        keys: broken(options.keys, { list: fail }),
        ledger: broken(options.ledger, { balance: fail }),
        requestLog: broken(options.requestLog, {
          find: () => Promise.reject(new Error('gone')),
        }),
      },
    })
    expect(code).toBe(1)
    expect(of('KEYS')[0]?.found).toContain('disk I/O error')
    expect(of('LEDGER')[0]?.found).toContain('disk I/O error')
    expect(of('REQUEST_LOG')[0]?.found).toContain('gone')
  })
})

describe('the store of the limits', () => {
  const limitStore: LimitStore = {
    leaseMs: 30_000,
    take: fail,
    adjust: fail,
    hold: fail,
    free: () => Promise.resolve(),
  }

  it('is asked, and changed by nothing but what changes nothing', async () => {
    const { options } = await share()
    const { of } = await doctor({ gateway: { ...options, limitStore } })
    expect(of('LIMIT_STORE')).toMatchObject([{ level: 'ok' }])
    expect(of('LIMITS_IN_MEMORY')).toMatchObject([{ level: 'ok' }])
  })

  it('is a mistake when it does not answer, and requests are served all the same', async () => {
    const { options } = await share()
    const away = { ...limitStore, free: () => Promise.reject(new Error('connection refused')) }
    const { code, of } = await doctor({ gateway: { ...options, limitStore: away } })
    expect(code).toBe(1)
    expect(of('LIMIT_STORE')).toMatchObject([
      {
        level: 'mistake',
        found: 'gateway.limitStore does not answer: connection refused.',
        mend: expect.stringContaining('whenLimitsFail'),
      },
    ])
  })

  it('is missed where several processes are known to serve', async () => {
    const { options } = await share()
    const ofInstances = async (instances: number | undefined): Promise<readonly Told[]> => {
      const { of } = await doctor({ gateway: { ...options, instances } })
      return of('LIMITS_IN_MEMORY')
    }
    expect(await ofInstances(3)).toMatchObject([
      {
        level: 'warning',
        found: expect.stringContaining('together they allow 3 times as much'),
        mend: expect.stringContaining('redisLimits(client)'),
      },
    ])
    expect(await ofInstances(1)).toMatchObject([{ level: 'ok' }])
    expect(await ofInstances(undefined)).toMatchObject([{ level: 'ok' }])
  })

  it('is not missed by a limiter of its own', async () => {
    const { options } = await share()
    const limiter = new TokenBucketMemory({ points: 60 })
    const { of } = await doctor({ gateway: { ...options, limits: { limiter }, instances: 3 } })
    expect(of('LIMITS_IN_MEMORY')).toMatchObject([{ level: 'ok' }])
  })
})

describe('in the configuration', () => {
  it('a tier that is not configured is a mistake, unless its key is revoked', async () => {
    const { keys, options } = await share()
    const tiers = { gold: { rpm: 600 } }
    await keys.create({ account: 'acme', name: 'good', tier: 'gold' })
    const revoked = await keys.create({ account: 'acme', name: 'old', tier: 'silver' })
    await keys.revoke(revoked.record.id)
    const sound = await doctor({ gateway: { ...options, tiers } })
    expect(sound.of('UNKNOWN_TIER')).toMatchObject([{ level: 'ok', facts: { looked: 3 } }])

    const { record } = await keys.create({ account: 'acme', name: 'bad', tier: 'golden' })
    const { code, of } = await doctor({ gateway: { ...options, tiers } })
    expect(code).toBe(1)
    expect(of('UNKNOWN_TIER')).toMatchObject([{ level: 'mistake', facts: { isAll: true } }])
    expect(of('UNKNOWN_TIER')[0]?.found).toContain(`${record.id} ("golden")`)
    expect(of('UNKNOWN_TIER')[0]?.mend).toContain('gold')
  })

  it('the first 1,000 keys are looked at, and no more', async () => {
    const store = new MemoryKeyStore()
    const keys = createKeys({ store })
    const { record } = await keys.create({ account: 'acme', name: 'first' })
    for (let index = 1; index <= 1_000; index++) store.insert(copyOf(record, index))
    const { of } = await doctor({ gateway: { keys } })
    expect(of('UNKNOWN_TIER')).toMatchObject([
      { level: 'ok', facts: { looked: 1_000, isAll: false } },
    ])
    expect(of('UNKNOWN_TIER')[0]?.found).toContain('the first 1000 keys only')
  })

  it('a model without a price is a mistake', async () => {
    const { options } = await share()
    const models = ['gpt-5', { name: 'gpt-5-mini' }]
    const { code, of } = await doctor({ gateway: { ...options, models } })
    expect(code).toBe(1)
    expect(of('UNPRICED_MODEL')).toMatchObject([
      {
        level: 'mistake',
        found: expect.stringContaining('"gpt-5-mini"'),
        mend: expect.stringContaining('prices: { "gpt-5-mini": {'),
      },
    ])
  })

  it('a ledger in memory is a mistake', async () => {
    const { options } = await share()
    const { code, of } = await doctor({ gateway: { ...options, ledger: new MemoryLedger() } })
    expect(code).toBe(1)
    expect(of('LEDGER_IN_MEMORY')).toMatchObject([
      { level: 'mistake', mend: expect.stringContaining('sqliteStore') },
    ])
  })

  it('keys in memory are a warning', async () => {
    const { options } = await share()
    for (const keys of [createKeys(), createKeys({ store: new MemoryKeyStore() })]) {
      const { of } = await doctor({ gateway: { ...options, keys } })
      expect(of('KEYS_IN_MEMORY')).toMatchObject([
        { level: 'warning', mend: expect.stringContaining('createKeys({ store') },
      ])
    }
    const { of } = await doctor({ gateway: options })
    expect(of('KEYS_IN_MEMORY')).toMatchObject([{ level: 'ok' }])
  })

  it('a database in memory is one as well', async () => {
    const { options } = await share()
    const store = sqliteStore({ path: ':memory:' })
    onTestFinished(() => store.close())
    const keys = createKeys({ store: store.keys })
    const { code, of } = await doctor({ gateway: { ...options, keys, ledger: store.ledger } })
    expect(code).toBe(1)
    expect(of('KEYS_IN_MEMORY')).toMatchObject([{ level: 'warning' }])
    expect(of('LEDGER_IN_MEMORY')).toMatchObject([{ level: 'mistake' }])
  })

  it.each([undefined, { idle: '30s' }])('no total timeout is a warning: %j', async (timeout) => {
    const { options } = await share()
    const { code, of } = await doctor({ gateway: { ...options, timeout } })
    expect(code).toBe(0)
    expect(of('NO_TIMEOUT')).toMatchObject([
      { level: 'warning', mend: expect.stringContaining("timeout: '120s'") },
    ])
  })

  it.each([
    [['0.0.0.0/1', '10.0.0.0/8'], 'mistake', '0.0.0.0/1'],
    [['2000::/3'], 'mistake', '2000::/3'],
    [['::ffff:0.0.0.0/97'], 'mistake', '::ffff:0.0.0.0/97'],
    [['::ffff:a00:0/103'], 'mistake', '::ffff:a00:0/103'],
    [2, 'warning', 'is 2'],
  ])('trustProxies %j trusts more than proxies: %s', async (trustProxies, level, found) => {
    const { options } = await share()
    const { of } = await doctor({ gateway: { ...options, trustProxies } })
    expect(of('TRUSTED_NETWORKS')).toMatchObject([
      {
        level,
        found: expect.stringContaining(found),
        mend: expect.stringContaining("['10.0.0.0/8']"),
      },
    ])
  })

  it.each([
    [['10.0.0.0/8', 'fc00::/7', '203.0.113.7', '::ffff:10.0.0.0/104', '::ffff:10.0.0.1/128']],
    [1],
    [undefined],
  ])('trustProxies %j is in order', async (trustProxies) => {
    const { options } = await share()
    const { of } = await doctor({ gateway: { ...options, trustProxies } })
    expect(of('TRUSTED_NETWORKS')).toMatchObject([{ level: 'ok' }])
  })

  it('all that needs a server is not checked without a url', async () => {
    const { options } = await share()
    const { code, codes, of } = await doctor({ gateway: options })
    expect(code).toBe(0)
    expect(codes('warning')).toEqual([])
    expect(of('SERVER')[0]?.found).toContain('--url')
    expect(codes('not_checked')).toContain('SPOOFED_ADDRESS')
    expect(codes('not_checked')).toContain('OPEN_ROUTE')
  })
})

function copyOf(key: ApiKey, index: number): ApiKey {
  return { ...key, id: `${key.id}${index}`, digest: `${key.digest}${index}` }
}

/** A store in which some methods are others. */
function broken<Store extends object>(
  store: Store | undefined,
  methods: Partial<Store>,
): Store | undefined {
  if (store === undefined) return undefined
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
