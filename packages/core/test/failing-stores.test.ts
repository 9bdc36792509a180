import { once } from 'node:events'
import {
  createKeys,
  GatewayError,
  MemoryLedger,
  usd,
  type ApiKey,
  type Condition,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import { afterEach, assert, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultyKeyStore, Faults } from './faulty-stores.js'
import { conditionLater } from './key-fixtures.js'
import { turn, World } from './store-world.js'

const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})

afterEach(() => {
  process.off('unhandledRejection', note)
  assert.deepEqual(unhandled, [])
})

describe('a step of a ledger', () => {
  it('is waited for until its deadline, and not a millisecond longer', async () => {
    const world = new World()
    world.faults.mode = 'hang'
    let decided = false
    const entering = world.enter().finally(() => (decided = true))
    await turn()
    world.fake.advance(49)
    await turn()
    expect(decided).toBe(false)
    world.fake.advance(1)
    const run = await entering
    expect([run.passed, run.status, run.degraded]).toEqual([false, 503, 'ledger'])
  })

  it('has as long as the ledger asks for, or as was set', async () => {
    const slow = new World()
    Object.assign(slow.ledger, { deadlineMs: 400 })
    const asked = new World({ ledger: slow.ledger })
    const set = new World({ ledger: slow.ledger, storeDeadline: '80ms' })
    slow.faults.mode = 'hang'
    for (const [world, deadlineMs] of [
      [asked, 400],
      [set, 80],
    ] as const) {
      let decided = false
      void world.enter().finally(() => (decided = true))
      await turn()
      world.fake.advance(deadlineMs - 1)
      await turn()
      expect(decided).toBe(false)
      world.fake.advance(1)
      await vi.waitFor(() => expect(decided).toBe(true))
    }
  })

  it('leaves no timer behind', async () => {
    const world = new World()
    const run = await world.enter()
    run.end(5)
    await turn()
    expect(world.fake.waiting).toBe(0)
  })

  it('that is refused is no failure', async () => {
    const world = new World()
    for (let times = 0; times < 20; times++) {
      world.ledger.reserve = async () => {
        throw new GatewayError('insufficient_quota')
      }
      expect((await world.enter()).status).toBe(403)
    }
    expect(world.gateway.readiness().status).toBe('ok')
  })
})

describe('a ledger that failed five times in a row', () => {
  it('is left alone but for one try a second, and serves again after the first that works', async () => {
    const world = new World()
    await world.fail()
    expect(world.degraded).toMatchObject([{ store: 'ledger', state: 'opened' }])
    expect(JSON.stringify(world.degraded)).not.toContain('hunter2')
    expect(JSON.stringify(world.degraded)).toContain('ECONNREFUSED')
    const { asked } = world.faults
    for (let times = 0; times < 10; times++) {
      const run = await world.enter()
      expect([run.status, run.degraded]).toEqual([503, 'ledger'])
    }
    world.fake.advance(99)
    expect(world.faults.asked).toBe(asked)
    expect(world.gateway.readiness()).toMatchObject({
      status: 'degraded',
      stores: { keys: 'ok', ledger: 'degraded' },
    })

    world.faults.comeBack()
    world.fake.advance(901)
    const run = await world.enter()
    expect([run.passed, run.degraded]).toEqual([true, undefined])
    expect(world.degraded.at(-1)).toMatchObject({ store: 'ledger', state: 'closed' })
    await world.until(() => expect(world.gateway.readiness().status).toBe('ok'))
  })

  it('is tried again as soon as a late answer shows that it is back', async () => {
    const world = new World()
    await world.fail()
    world.faults.mode = 'hang'
    world.fake.advance(1_000)
    expect((await world.enterInVain()).status).toBe(503)
    expect((await world.enter()).status).toBe(503)
    world.faults.comeBack()
    await turn()
    expect((await world.enter()).passed).toBe(true)
    expect(world.degraded.at(-1)).toMatchObject({ store: 'ledger', state: 'closed' })
  })

  it('is tried by one request at a time', async () => {
    const world = new World()
    await world.fail()
    world.faults.mode = 'hang'
    world.fake.advance(1_000)
    void world.enter()
    expect(world.faults.hanging).toBe(1)
    for (let times = 0; times < 20; times++) expect((await world.enter()).status).toBe(503)
    expect(world.faults.hanging).toBe(1)
  })
})

describe('a reservation that timed out and was made all the same', () => {
  it('is released', async () => {
    const world = new World()
    world.faults.mode = 'hang'
    expect((await world.enterInVain()).status).toBe(503)
    expect(world.gateway.readiness()).toMatchObject({ status: 'degraded', unsettled: 1 })
    world.faults.comeBack()
    await turn()
    expect(world.balance().held).toBeGreaterThan(0)
    await world.until(() => expect(world.balance().held).toBe(0))
    await world.gateway.drained()
    expect(world.gateway.readiness()).toMatchObject({ status: 'ok', unsettled: 0 })
    expect(world.balance()).toEqual({ held: 0, settled: 0 })
  })

  it.each(['closed', 'open'] as const)(
    'is released once it is made, whatever the ledger did first (%s)',
    async (whenLedgerFails) => {
      // Longer than this test lets pass: nothing ends by itself.
      const world = new World({ whenLedgerFails, reservationTtl: '1h' })
      world.faults.mode = 'hang'
      const run = await world.enterInVain()
      if (run.passed) run.end(0)
      world.faults.serveOthers()
      await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
      expect(world.ledger.steps.at(-1)).toBe(whenLedgerFails === 'open' ? 'settle' : 'release')
      world.faults.comeBack()
      await turn()
      await world.until(() => expect(world.balance().held).toBe(0))
      await world.gateway.drained()
      expect(world.balance()).toEqual({ held: 0, settled: 0 })
    },
  )
})

describe('a charge the ledger did not take', () => {
  it.each(['fail', 'hang', 'lose'] as const)('lands once (%s)', async (mode) => {
    const world = new World()
    const run = await world.enter()
    world.faults.mode = mode
    run.end(7)
    await turn()
    world.fake.advance(50)
    await turn()
    expect(world.gateway.readiness()).toMatchObject({ status: 'degraded', unsettled: 1 })
    let drained = false
    const draining = world.gateway.drained().then(() => (drained = true))
    world.fake.advance(3_000)
    await turn()
    expect(drained).toBe(false)
    world.faults.comeBack()
    await world.until(() => expect(drained).toBe(true))
    await draining
    expect(world.balance()).toEqual({ held: 0, settled: 7 })
    expect(world.memory.movements(run.id)).toHaveLength(2)
    expect(world.settled).toMatchObject([
      { requestId: run.id, ended: 'settled', amount: 7, account: 'acme', model: 'gpt-5' },
    ])
    expect(world.unsettled).toEqual([])
  })

  it('is made all the same when its reservation has expired meanwhile', async () => {
    const world = new World()
    const run = await world.enter()
    world.faults.mode = 'fail'
    run.end(7)
    await world.until(() => expect(world.memory.movements(run.id)).toHaveLength(2))
    expect(world.memory.movements(run.id)[1]).toMatchObject({ kind: 'expired' })
    world.faults.comeBack()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(world.balance()).toEqual({ held: 0, settled: 7 })
    expect(world.memory.movements(`${run.id}-late1`)).toHaveLength(2)
  })

  it('is made all the same by a ledger that has lost the reservation', async () => {
    const world = new World()
    const run = await world.enter()
    const empty = new MemoryLedger({ clock: world.fake })
    empty.credit('acme', usd(1), 'loaded again')
    world.ledger.memory = empty
    run.end(7)
    await turn()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(empty.balance('acme')).toMatchObject({ held: 0, settled: 7 })
  })

  it('is told when it may have been made by a ledger that has forgotten', async () => {
    const world = new World()
    const run = await world.enter()
    world.faults.mode = 'lose'
    run.end(7)
    await turn()
    world.fake.advance(50)
    await turn()
    world.ledger.memory = new MemoryLedger({ clock: world.fake })
    world.faults.comeBack()
    await world.until(() => expect(world.unsettled).toHaveLength(1))
    expect(world.unsettled).toMatchObject([{ requestId: run.id, action: 'settle', amount: 7 }])
  })

  it('and refuses for good is told with all it takes to make it by hand', async () => {
    const world = new World()
    const run = await world.enter()
    run.exchange.charge({ inputTokens: 3, outputTokens: 4 })
    world.ledger.settle = async () => {
      throw new RangeError('too large to be exact')
    }
    run.end()
    await turn()
    expect(world.unsettled).toMatchObject([
      {
        requestId: run.id,
        account: 'acme',
        keyId: expect.stringMatching(/^key_/),
        action: 'settle',
        amount: 7,
        model: 'gpt-5',
        tokens: { inputTokens: 3, outputTokens: 4 },
        cause: { type: 'RangeError', message: 'too large to be exact' },
      },
    ])
    expect(world.log).toContain('a request could not be charged')
    expect(world.gateway.readiness().unsettled).toBe(0)
  })

  it('waits with 10,000 others at most, and the next is told', async () => {
    const world = new World()
    world.memory.credit('acme', usd(10_000), 'more')
    const runs = []
    for (let count = 0; count < 10_003; count++) runs.push(await world.enter())
    world.faults.mode = 'fail'
    for (const run of runs) run.end(1)
    await turn()
    expect(world.gateway.readiness().unsettled).toBe(10_000)
    expect(world.unsettled).toHaveLength(3)
    expect(world.unsettled[0]).toMatchObject({ action: 'settle', amount: 1, account: 'acme' })

    world.faults.comeBack()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(world.balance().settled).toBe(10_000)
  }, 60_000)

  it('is repeated less and less often, and at once when the ledger is back', async () => {
    const world = new World()
    const run = await world.enter()
    world.faults.mode = 'fail'
    run.end(7)
    await turn()
    const { asked } = world.faults
    for (let ms = 0; ms < 50_000; ms += 50) {
      world.fake.advance(50)
      await Promise.resolve()
      await turn()
    }
    expect(world.faults.asked - asked).toBeGreaterThan(8)
    expect(world.faults.asked - asked).toBeLessThan(30)
    world.faults.comeBack()
    world.fake.advance(1_000)
    await world.enter()
    await turn()
    expect(world.balance().settled).toBe(7)
  })
})

describe('a request that runs', () => {
  it('keeps its reservation when extending it fails for a while', async () => {
    const world = new World()
    const run = await world.enter()
    world.faults.mode = 'fail'
    world.fake.advance(20_000)
    await turn()
    expect(world.log).toEqual(['a reservation was not extended'])
    world.faults.comeBack()
    for (let ms = 0; ms < 6_000; ms += 100) {
      world.fake.advance(100)
      await turn()
    }
    expect(world.ledger.steps.filter((step) => step === 'extend').length).toBeGreaterThan(1)
    // 20 s, and 60 from when it was extended: it would be over by now.
    world.faults.mode = 'hang'
    world.fake.advance(35_000)
    expect(world.balance().held).toBeGreaterThan(0)
    world.faults.comeBack()
    run.end(7)
    await world.until(() => expect(world.balance()).toEqual({ held: 0, settled: 7 }))
  })
})

describe('an outage under load', () => {
  it('makes nothing grow, and takes nobody’s money', async () => {
    const world = new World()
    const running = await Promise.all(Array.from({ length: 50 }, () => world.enter()))
    world.faults.mode = 'hang'
    for (let times = 0; times < 20; times++) {
      const entering = Array.from({ length: 50 }, () => world.enter())
      await turn()
      world.fake.advance(50)
      for (const run of await Promise.all(entering)) expect(run.status).toBe(503)
    }
    for (const run of running) run.end(2)
    await turn()
    world.fake.advance(50)
    await turn()
    // The first fifty were on their way when it hung; the others were not even asked for.
    expect(world.faults.hanging).toBeLessThan(60)
    expect(world.gateway.readiness().unsettled).toBeLessThan(110)
    world.faults.comeBack()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(world.balance()).toEqual({ held: 0, settled: 100 })
    expect(world.memory.balance('acme').available).toBe(usd(1) - 100)
    await world.until(() => expect(world.gateway.readiness().status).toBe('ok'))
    expect(world.fake.waiting).toBe(0)
  })

  it('ends no process that waits for what is outstanding, and holds up none that does not', async () => {
    const { spawn } = await import('node:child_process')
    const script = `
      import { createGateway } from '@lazu/core'
      const { readiness, drained } = createGateway({})
      console.log(readiness().status)
      await drained()
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
    })
    const [code]: unknown[] = await once(child, 'exit')
    expect(code).toBe(0)
  })
})

describe('a request that was let through without the ledger', () => {
  it('is charged once when it is back', async () => {
    const world = new World({ whenLedgerFails: 'open' })
    world.faults.mode = 'hang'
    const run = await world.enterInVain()
    expect([run.passed, run.degraded]).toEqual([true, 'ledger'])
    run.end(7)
    expect(world.gateway.readiness().unsettled).toBe(1)
    world.faults.comeBack()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(world.balance()).toEqual({ held: 0, settled: 7 })
  })

  it('and cost nothing holds nothing when its reservation was made late', async () => {
    const world = new World({ whenLedgerFails: 'open' })
    world.faults.mode = 'hang'
    const run = await world.enterInVain()
    run.end(0)
    const another = await world.enterInVain()
    another.exchange.raw.response.statusCode = 500
    another.end()
    world.faults.comeBack()
    await world.until(() => expect(world.gateway.readiness().unsettled).toBe(0))
    expect(world.balance()).toEqual({ held: 0, settled: 0 })
  })

  it('is told when nobody can pay for it any more', async () => {
    const world = new World({ whenLedgerFails: 'open' })
    world.faults.mode = 'fail'
    const run = await world.enter()
    expect(run.passed).toBe(true)
    run.end(usd(2))
    world.faults.comeBack()
    await world.until(() => expect(world.unsettled).toHaveLength(1))
    expect(world.unsettled).toMatchObject([
      { requestId: run.id, action: 'settle', amount: usd(2), account: 'acme' },
    ])
    expect(world.balance()).toEqual({ held: 0, settled: 0 })
  })
})

interface KeysWorld {
  readonly clock: FakeClock
  readonly faults: Faults
  readonly store: FaultyKeyStore
  readonly keys: ReturnType<typeof createKeys>
  readonly key: string
  readonly record: ApiKey
}

function refusal(keys: KeysWorld['keys'], key: string): Promise<Condition> {
  return conditionLater(Promise.resolve().then(() => keys.authenticate(key)))
}

async function keysWorld(): Promise<KeysWorld> {
  const clock = new FakeClock()
  const faults = new Faults(clock)
  const store = new FaultyKeyStore(faults)
  const keys = createKeys({ store, clock, storeDeadline: '20ms' })
  const { key, record } = await keys.create({ account: 'acme', name: 'test' })
  await keys.authenticate(key)
  return { clock, faults, store, keys, key, record }
}

describe('keys whose store fails', () => {
  it('know a key for a minute after it was read, and never call an unread one wrong', async () => {
    const { clock, faults, keys, key } = await keysWorld()
    const other = await keys.create({ account: 'acme', name: 'other' })
    faults.mode = 'hang'
    clock.advance(59_000)
    const known = keys.authenticate(key)
    const unread = conditionLater(keys.authenticate(other.key))
    clock.advance(20)
    expect(await known).toMatchObject({ account: 'acme' })
    expect(await unread).toBe('gateway_overloaded')
    clock.advance(980)
    const late = conditionLater(keys.authenticate(key))
    clock.advance(20)
    expect(await late).toBe('gateway_overloaded')
  })

  it('hear of what other processes changed, until they are closed', async () => {
    const { faults, store, keys, key, record } = await keysWorld()
    const elsewhere = createKeys({ store: store.memory, prefix: 'sk-lazu-' })
    await elsewhere.revoke(record.id)
    expect(await keys.authenticate(key)).toMatchObject({ status: 'active' })
    store.tell(record.id)
    expect(await refusal(keys, key)).toBe('api_key_revoked')

    const { asked } = faults
    expect(await refusal(keys, key)).toBe('api_key_revoked')
    expect(faults.asked).toBe(asked)
    keys.close()
    expect(store.watchers.size).toBe(0)
  })

  it('read everything again when anything may have changed, or go by what they know', async () => {
    const { clock, faults, store, keys, key } = await keysWorld()
    clock.advance(1)
    store.tell(undefined)
    faults.mode = 'fail'
    expect(await keys.authenticate(key)).toMatchObject({ account: 'acme' })
    faults.comeBack()
    const { asked } = faults
    clock.advance(1)
    await keys.authenticate(key)
    expect(faults.asked).toBe(asked + 1)
    await keys.authenticate(key)
    expect(faults.asked).toBe(asked + 1)
  })

  it('find a key that was made elsewhere after it had been asked for', async () => {
    const { clock, store, keys } = await keysWorld()
    const elsewhere = createKeys({ store: new FaultyKeyStore(new Faults(clock)), clock })
    const made = await elsewhere.create({ account: 'acme', name: 'new' })
    expect(await refusal(keys, made.key)).toBe('api_key_invalid')
    store.memory.insert(made.record)
    clock.advance(1)
    expect(await refusal(keys, made.key)).toBe('api_key_invalid')
    store.tell(made.record.id)
    clock.advance(1)
    expect(await keys.authenticate(made.key)).toMatchObject({ name: 'new' })
  })
})
