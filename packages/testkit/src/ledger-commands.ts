import { GatewayError, type ChargedTokens, type Ledger, type ReserveRequest } from '@lazu/core'
import * as fc from 'fast-check'
import { expect } from 'vitest'
import type { FakeClock } from './fake-clock.js'
import { hourMs, type ReopenLedger } from './ledger-fixtures.js'
import { expectInvariants, storyAccounts } from './ledger-invariants.js'
import type { Expected, LedgerModel } from './ledger-model.js'

/** The ledger of a story. It is another one after a crash. */
export interface RealLedger {
  ledger: Ledger
  readonly clock: FakeClock
}

type LedgerCommand = fc.AsyncCommand<LedgerModel, RealLedger>

const anId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '__proto__', 'constructor')
const anAccount = fc.constantFrom(...storyAccounts)
// Small numbers meet their bounds often.
const anAmount = fc.integer({ min: 0, max: 10 })
const aTtlMs = fc.integer({ min: 1, max: 2_000 })
const aCap = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined })
/** Each step is also done twice in a row, as by somebody who did not hear the first answer. */
const times = fc.constantFrom(1, 1, 2)

const aRequest: fc.Arbitrary<ReserveRequest> = fc.record({
  id: anId,
  account: anAccount,
  key: fc.constantFrom('k1', 'k2', '__proto__'),
  amount: anAmount,
  caps: fc.option(fc.record({ total: aCap, day: aCap, month: aCap }), { nil: undefined }),
  ttlMs: aTtlMs,
  model: fc.constantFrom(undefined, 'gpt-5', 'gpt-5-mini', '__proto__'),
})

const aCount = fc.integer({ min: 0, max: 100 })
const someTokens: fc.Arbitrary<ChargedTokens | undefined> = fc.option(
  fc.record({ inputTokens: aCount, outputTokens: aCount }),
  { nil: undefined },
)

const reserve = fc.tuple(aRequest, times).map(([request, count]) =>
  step(`reserve(${fc.stringify(request)})`, count, async (model, ledger) => {
    const named = { ...request, id: model.idOf(request.id) }
    return [await outcomeOf(() => ledger.reserve(named)), model.reserve(named)]
  }),
)

const settle = fc
  .tuple(anId, fc.integer({ min: 0, max: 12 }), someTokens, times)
  .map(([id, amount, tokens, count]) =>
    step(`settle(${id}, ${amount}, ${fc.stringify(tokens)})`, count, async (model, ledger) => {
      const name = model.idOf(id)
      return [await ledger.settle(name, amount, tokens), model.settle(name, amount, tokens)]
    }),
  )

const release = fc.tuple(anId, times).map(([id, count]) =>
  step(`release(${id})`, count, async (model, ledger) => {
    const name = model.idOf(id)
    return [await ledger.release(name), model.release(name)]
  }),
)

const extend = fc.tuple(anId, aTtlMs, times).map(([id, ttlMs, count]) =>
  step(`extend(${id}, ${ttlMs})`, count, async (model, ledger) => {
    const name = model.idOf(id)
    return [await ledger.extend(name, ttlMs), model.extend(name, ttlMs)]
  }),
)

const credit = fc
  .tuple(anAccount, anAmount, fc.constantFrom('x', 'y', 'z', 'valueOf'), times)
  .map(([account, amount, reference, count]) =>
    step(`credit(${account}, ${amount}, ${reference})`, count, async (model, ledger) => {
      const actual = await ledger.credit(account, amount, reference)
      return [actual, model.credit(account, amount, reference)]
    }),
  )

const aWhile = fc.integer({ min: 1, max: 800 }).map(advance)
const hoursOrDays = fc.constantFrom(hourMs, 13 * hourMs, 20 * 24 * hourMs).map(advance)

/** Everything that can be done to a ledger, the passing of time included. */
const commands: fc.WeightedArbitrary<LedgerCommand>[] = [
  { weight: 6, arbitrary: reserve },
  { weight: 3, arbitrary: settle },
  { weight: 1, arbitrary: release },
  { weight: 2, arbitrary: extend },
  { weight: 1, arbitrary: credit },
  { weight: 3, arbitrary: aWhile },
  { weight: 1, arbitrary: hoursOrDays },
]

/**
 * A story of what happens to a ledger, which begins with something to spend.
 *
 * @param reopen when given, the ledger's process ends now and then without a warning
 */
export function ledgerCommands(
  reopen: ReopenLedger | undefined,
): fc.Arbitrary<Iterable<LedgerCommand>> {
  const withCrashes =
    reopen === undefined
      ? commands
      : [...commands, { weight: 2, arbitrary: fc.constant(crash(reopen)) }]
  return fc.commands([fc.oneof(...withCrashes)], { maxCommands: 60, size: 'max' })
}

/** What the accounts have when a story begins. */
export async function fund(model: LedgerModel, ledger: Ledger): Promise<void> {
  for (const account of storyAccounts) {
    model.credit(account, 20, 'start')
    await ledger.credit(account, 20, 'start')
  }
}

function advance(ms: number): LedgerCommand {
  return step(`advance(${ms})`, 1, async (model) => [undefined, model.advance(ms)])
}

function crash(reopen: ReopenLedger): LedgerCommand {
  return {
    check: () => true,
    async run(model, real) {
      real.ledger = await reopen(real.ledger, real.clock)
      await expectInvariants(model, real.ledger)
    },
    toString: () => 'crash()',
  }
}

function step(
  name: string,
  count: number,
  run: (
    model: LedgerModel,
    ledger: Ledger,
  ) => Promise<readonly [actual: unknown, expected: unknown]>,
): LedgerCommand {
  return {
    check: () => true,
    async run(model, { ledger }) {
      for (let done = 0; done < count; done++) {
        const [actual, expected] = await run(model, ledger)
        expect(actual).toEqual(expected)
      }
      await expectInvariants(model, ledger)
    },
    toString: () => (count === 1 ? name : `${count} x ${name}`),
  }
}

async function outcomeOf<T>(action: () => T | Promise<T>): Promise<Expected<T>> {
  try {
    return { value: await action() }
  } catch (error) {
    if (GatewayError.is(error)) return { condition: error.condition }
    throw error
  }
}
