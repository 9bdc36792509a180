import {
  AccountUnavailableError,
  GatewayError,
  MemoryLedger,
  usd,
  type GatewayOptions,
} from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { turn, World, type Run } from './store-world.js'

/** A world whose ledger can do nothing for the account `lost` while `isLost`. */
class LostAccount extends World {
  readonly lostKey: string
  isLost = false
  /** How often it was asked in vain. */
  refusals = 0
  readonly #lostIds = new Set<string>()

  constructor(options: GatewayOptions = {}) {
    super(options)
    this.memory.credit('lost', usd(1), 'c2')
    this.lostKey = this.keyOf('lost')
    const { ledger } = this
    const reserve = ledger.reserve.bind(ledger)
    const settle = ledger.settle.bind(ledger)
    const extend = ledger.extend.bind(ledger)
    ledger.reserve = async (request) => {
      if (request.account === 'lost') {
        this.#refuse()
        this.#lostIds.add(request.id)
      }
      return reserve(request)
    }
    ledger.settle = async (id, amount, tokens) => {
      if (this.#lostIds.has(id)) this.#refuse()
      return settle(id, amount, tokens)
    }
    ledger.extend = async (id, ttlMs) => {
      if (this.#lostIds.has(id)) this.#refuse()
      return extend(id, ttlMs)
    }
  }

  async enterLost(): Promise<Run> {
    return this.enter(this.lostKey)
  }

  #refuse(): void {
    if (!this.isLost) return
    this.refusals++
    const cause = new AccountUnavailableError('lost', 'nobody knows what it had')
    throw new GatewayError('store_write_failed', { cause })
  }
}

describe('an account that the ledger can do nothing for', () => {
  it('is refused with 503, and no other one is', async () => {
    const world = new LostAccount()
    world.isLost = true
    for (let times = 0; times < 20; times++) {
      const run = await world.enterLost()
      expect([run.status, run.degraded]).toEqual([503, 'ledger'])
    }
    // Each was asked for, and nothing was held that is to be released.
    expect(world.refusals).toBe(20)
    expect(world.degraded).toEqual([])
    expect(world.gateway.readiness()).toEqual({
      status: 'ok',
      stores: { keys: 'ok', ledger: 'ok' },
      unsettled: 0,
    })
    expect((await world.enter()).passed).toBe(true)
    world.isLost = false
    expect((await world.enterLost()).passed).toBe(true)
  })

  it('shows that a ledger which failed is back', async () => {
    const world = new LostAccount()
    world.isLost = true
    await world.fail()
    world.faults.comeBack()
    world.fake.advance(1_000)
    expect((await world.enterLost()).status).toBe(503)
    expect(world.degraded.at(-1)).toMatchObject({ state: 'closed' })
    expect((await world.enter()).passed).toBe(true)
  })

  it('is one of another copy of the package as well, inside another error or alone', async () => {
    const world = new World()
    const brand = Symbol.for('lazu.AccountUnavailableError')
    const foreign = Object.assign(new Error('of another copy'), { [brand]: true })
    world.ledger.reserve = () => Promise.reject(foreign)
    for (let times = 0; times < 9; times++) expect((await world.enter()).status).toBe(503)
    expect(world.degraded).toEqual([])
  })

  it('holds up the charge of no other one', async () => {
    const world = new LostAccount()
    const lost: Run[] = []
    for (let count = 0; count < 40; count++) lost.push(await world.enterLost())
    const fine = await world.enter()
    world.isLost = true
    for (const run of lost) run.end(2)
    await turn()
    world.faults.mode = 'fail'
    fine.end(7)
    await turn()
    world.faults.comeBack()
    expect(world.gateway.readiness().unsettled).toBe(41)
    await world.until(() => expect(world.balance()).toEqual({ held: 0, settled: 7 }))
    expect(world.gateway.readiness()).toMatchObject({ unsettled: 40, stores: { ledger: 'ok' } })
    expect(world.degraded).toEqual([])

    world.isLost = false
    await world.until(() => expect(world.memory.balance('lost').settled).toBe(80))
    await world.gateway.drained()
    expect(world.memory.balance('lost')).toMatchObject({ held: 0, settled: 80 })
    expect(world.unsettled).toEqual([])
  })

  it('is not asked for by each of its charges in each round', async () => {
    const world = new LostAccount()
    const lost: Run[] = []
    for (let count = 0; count < 400; count++) lost.push(await world.enterLost())
    world.isLost = true
    for (const run of lost) run.end(1)
    await turn()
    expect(world.refusals).toBe(400)
    world.fake.advance(100)
    await turn()
    expect(world.refusals).toBe(401)
    expect(world.gateway.readiness().unsettled).toBe(400)
    // The pauses between the rounds grow.
    for (let passedMs = 0; passedMs < 14_000; passedMs += 100) {
      world.fake.advance(100)
      await turn()
    }
    expect(world.refusals).toBeLessThan(415)
    expect(world.refusals).toBeGreaterThan(402)
  })

  it('is charged once it is known again, and the reservation with it was not', async () => {
    const world = new LostAccount()
    const run = await world.enterLost()
    world.isLost = true
    run.end(7)
    await turn()
    const loaded = new MemoryLedger({ clock: world.fake })
    loaded.credit('lost', usd(1), 'loaded again')
    world.ledger.memory = loaded
    world.isLost = false
    await world.until(() => expect(loaded.balance('lost').settled).toBe(7))
    expect(world.unsettled).toEqual([])
  })

  it('keeps no other reservation from being extended', async () => {
    const world = new LostAccount({ reservationTtl: '3s' })
    const lost: Run[] = []
    for (let count = 0; count < 40; count++) lost.push(await world.enterLost())
    const fine = await world.enter()
    world.isLost = true
    for (let passedMs = 0; passedMs < 10_000; passedMs += 10) {
      world.fake.advance(10)
      await turn()
    }
    expect(world.balance().held).toBeGreaterThan(0)
    expect(world.degraded).toEqual([])
    fine.end(7)
    await turn()
    expect(world.balance()).toEqual({ held: 0, settled: 7 })
  })
})

describe('a ledger that fails for everybody', () => {
  it('is told one charge, and the others when it has taken that one', async () => {
    const world = new World()
    const runs: Run[] = []
    for (let count = 0; count < 40; count++) runs.push(await world.enter())
    world.faults.mode = 'fail'
    for (const run of runs) run.end(1)
    await turn()
    const { asked } = world.faults
    while (world.faults.asked === asked) {
      world.fake.advance(10)
      await turn()
    }
    expect(world.faults.asked).toBe(asked + 1)
    world.faults.comeBack()
    await world.until(() => expect(world.balance()).toEqual({ held: 0, settled: 40 }))
  })
})
