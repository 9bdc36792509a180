import { GatewayError, MemoryLedger } from '@lazu/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { errorOf, gateway, type Gateway } from './command.js'

afterEach(() => {
  vi.useRealTimers()
})

const nobody = 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'

function available({ ledger }: Gateway, account = 'acme'): number {
  return ledger.balance(account).available
}

describe('lazu accounts create', () => {
  it('makes an account that has nothing', async () => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'create', 'acme'])
    expect(ran).toEqual({
      code: 0,
      stdout: 'The account acme is made. It has nothing yet.\n',
      stderr: '',
    })
    expect(gate.ledger.accounts({ limit: 10 })).toMatchObject([{ account: 'acme', granted: 0 }])
    const json = await gate.lazu(['accounts', 'create', 'other', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      account: 'other',
      balance: { available: { micros: 0, usd: '$0.0000' } },
    })
  })

  it('gives it what it begins with', async () => {
    const gate = await gateway()
    const argv = ['accounts', 'create', 'acme', '--credit', '250', '--reference', 'invoice-1']
    const { code, stdout } = await gate.lazu(argv)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^reference +invoice-1$/m)
    expect(stdout).toMatch(/^available +\$250\.0000$/m)
    expect(available(gate)).toBe(250_000_000)
  })

  it('changes nothing of an account that is there', async () => {
    const gate = await gateway()
    gate.ledger.credit('acme', 5, 'before')
    const ran = await gate.lazu(['accounts', 'create', 'acme', '--credit', '250', '--json'])
    expect(ran.code).toBe(1)
    expect(errorOf(ran)).toMatchObject({ code: 'refused', param: '<account>' })
    expect(available(gate)).toBe(5)
  })

  it.each(['', 'x'.repeat(201), 'a\u001b[2Jb', 'a\nb'])('refuses the name %j', async (account) => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'create', account])
    expect(ran.code).toBe(2)
    expect(ran.stderr).toBe(
      'error: <account> must be 1 to 200 characters, no control characters.\n',
    )
    expect(gate.ledger.accounts({ limit: 10 })).toEqual([])
  })

  it('refuses a reference for no credit', async () => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'create', 'acme', '--reference', 'r', '--json'])
    expect(ran.code).toBe(2)
    expect(errorOf(ran).param).toBe('--credit')
    expect(gate.ledger.accounts({ limit: 10 })).toEqual([])
  })
})

/** A credit whose reference is always the same. */
function creditOf(usd: string): string[] {
  return ['accounts', 'credit', 'acme', usd, '--reference', 'inv']
}

describe('lazu accounts credit', () => {
  it.each([
    ['250', 250_000_000],
    ['$12.5', 12_500_000],
    ['0.000001', 1],
    // Where floating point would be off by one.
    ['8.000001', 8_000_001],
    ['4503599627.370497', 4_503_599_627_370_497],
    ['9007199254.740991', Number.MAX_SAFE_INTEGER],
  ])('takes %s dollars exactly', async (text, micros) => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'credit', 'acme', text, '--json'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ran.stdout)).toMatchObject({
      account: 'acme',
      amount: { micros },
      balance: { granted: { micros }, available: { micros } },
    })
    expect(available(gate)).toBe(micros)
  })

  it.each([
    '-5',
    '0',
    '0.0000001',
    '1e3',
    '.5',
    '5.',
    '1,000',
    'Infinity',
    'NaN',
    '0x10',
    '',
    '9007199254.740992',
    '٥',
  ])('refuses %j', async (text) => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'credit', 'acme', text, '--json'])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(errorOf(ran)).toMatchObject({ code: 'usage', param: '<usd>' })
    expect(gate.ledger.accounts({ limit: 10 })).toEqual([])
  })

  it('counts a reference once, and says so', async () => {
    const gate = await gateway()
    const argv = ['accounts', 'credit', 'acme', '10', '--reference', 'invoice-1']
    const first = await gate.lazu(argv)
    const second = await gate.lazu(argv)
    for (const { code, stdout } of [first, second]) {
      expect(code).toBe(0)
      expect(stdout).toMatch(/^available +\$10\.0000$/m)
      expect(stdout).toContain('A reference counts once')
    }
    expect(available(gate)).toBe(10_000_000)
  })

  it('tells people and programs when the reference was there, whatever the amount', async () => {
    const gate = await gateway()
    const first = await gate.lazu([...creditOf('25'), '--json'])
    expect(JSON.parse(first.stdout)).toMatchObject({
      amount: { micros: 25_000_000 },
      repeated: false,
      before: { granted: { micros: 0 } },
      balance: { granted: { micros: 25_000_000 } },
    })
    for (const usd of ['25', '250', '0.000001']) {
      const programs = await gate.lazu([...creditOf(usd), '--json'])
      expect(programs).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(programs.stdout)).toMatchObject({
        repeated: true,
        before: { granted: { micros: 25_000_000 } },
        balance: { granted: { micros: 25_000_000 } },
      })
      const people = await gate.lazu(creditOf(usd))
      expect(people.code).toBe(0)
      expect(people.stdout).toMatch(/^amount +\$[\d.]+, not added$/m)
      expect(people.stderr).toMatch(/^warning: [^\n]*"inv" before, so nothing was added now/)
    }
    expect(available(gate)).toBe(25_000_000)
  })

  it('is not fooled by less that others credit at the same moment', async () => {
    const ledger = new MemoryLedger()
    ledger.credit('acme', 25_000_000, 'inv')
    const real = ledger.credit.bind(ledger)
    vi.spyOn(ledger, 'credit').mockImplementation((account, amount, reference) => {
      real(account, 5_000_000, 'from-elsewhere')
      return real(account, amount, reference)
    })
    const { lazu } = await gateway({ config: { gateway: { ledger } } })
    const ran = await lazu(['accounts', 'credit', 'acme', '25', '--reference', 'inv', '--json'])
    expect(JSON.parse(ran.stdout)).toMatchObject({
      repeated: true,
      before: { granted: { micros: 25_000_000 } },
      balance: { granted: { micros: 30_000_000 } },
    })
  })

  it.each(['accounts credit acme 5', 'accounts create acme --credit 5'])(
    'warns where the money is gone with this process: %s',
    async (command) => {
      const people = await gateway({ config: { gateway: { ledger: new MemoryLedger() } } })
      const ran = await people.lazu(command.split(' '))
      expect(ran.code).toBe(0)
      expect(ran.stderr).toMatch(/^warning: This money is gone now: gateway\.ledger [^\n]+\n$/)
      const programs = await gateway({ config: { gateway: { ledger: new MemoryLedger() } } })
      const json = await programs.lazu([...command.split(' '), '--json'])
      expect(json).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(json.stdout)).toMatchObject({ inMemory: true })
      const lasting = await gateway()
      const kept = await lasting.lazu([...command.split(' '), '--json'])
      expect(JSON.parse(kept.stdout)).toMatchObject({ inMemory: false })
    },
  )

  it('makes a reference that a repeat can be made harmless with', async () => {
    const gate = await gateway()
    const { stdout } = await gate.lazu(['accounts', 'credit', 'acme', '10'])
    const [, reference = ''] = /^reference +(credit_[0-9A-Z]{26})$/m.exec(stdout) ?? []
    await gate.lazu(['accounts', 'credit', 'acme', '10', '--reference', reference])
    expect(available(gate)).toBe(10_000_000)
    await gate.lazu(['accounts', 'credit', 'acme', '10'])
    expect(available(gate)).toBe(20_000_000)
  })

  it('names the reference when nobody knows whether it was credited', async () => {
    const ledger = new MemoryLedger()
    const credit = vi.spyOn(ledger, 'credit').mockImplementation(() => {
      throw new GatewayError('store_write_failed', { cause: new Error('the disk is full') })
    })
    const gate = await gateway({ config: { gateway: { ledger } } })
    const ran = await gate.lazu(['accounts', 'credit', 'acme', '10', '--json'])
    expect(ran.code).toBe(3)
    const { code, message } = errorOf(ran)
    expect(code).toBe('store')
    expect(message).toContain('the disk is full.')
    expect(credit).toHaveBeenCalledOnce()
    expect(message).toContain(`--reference ${credit.mock.calls[0]?.[2]}:`)
  })

  it('refuses what no sum could hold exactly', async () => {
    const gate = await gateway()
    gate.ledger.credit('acme', Number.MAX_SAFE_INTEGER, 'all')
    const ran = await gate.lazu(['accounts', 'credit', 'acme', '1', '--json'])
    expect(ran.code).toBe(1)
    expect(errorOf(ran).code).toBe('refused')
  })
})

describe('lazu accounts list', () => {
  it('shows a page, and the command for the next one', async () => {
    const gate = await gateway()
    gate.ledger.credit('acme', 12_500_000, 'a')
    gate.ledger.createAccount('b c')
    gate.ledger.createAccount('zebra')
    const first = await gate.lazu(['accounts', 'list', '--limit', '2'])
    expect(first.code).toBe(0)
    expect(first.stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'Account  Credited    Spent     Held  Available',
      'acme     $12.5000  $0.0000  $0.0000   $12.5000',
      'b c       $0.0000  $0.0000  $0.0000    $0.0000',
      '',
      "Next page: lazu accounts list --limit 2 --after 'b c'",
      '',
    ])
    const second = await gate.lazu(['accounts', 'list', '--limit', '2', '--after', 'b c', '--json'])
    expect(JSON.parse(second.stdout)).toMatchObject({
      accounts: [{ account: 'zebra', held: { micros: 0 } }],
      next: null,
    })
  })

  it('names the configuration in the command for the next page', async () => {
    const gate = await gateway()
    gate.ledger.createAccount('acme')
    const { stdout } = await gate.lazu([
      'accounts',
      'list',
      '--limit',
      '1',
      '--config',
      './lazu.config.mjs',
    ])
    expect(stdout).toContain(
      'Next page: lazu accounts list --limit 1 --after acme --config ./lazu.config.mjs\n',
    )
  })

  it('says when there is nothing', async () => {
    const gate = await gateway()
    expect((await gate.lazu(['accounts', 'list'])).stdout).toBe('There are no accounts.\n')
    const after = await gate.lazu(['accounts', 'list', '--after', 'z'])
    expect(after.stdout).toBe('There are no more accounts.\n')
  })
})

describe('lazu accounts balance', () => {
  it('tells what there is, in dollars and in exact micro-dollars', async () => {
    const gate = await gateway()
    gate.ledger.credit('acme', 10_000_000, 'a')
    gate.ledger.reserve({ id: 'r1', account: 'acme', key: nobody, amount: 300, ttlMs: 60_000 })
    gate.ledger.reserve({ id: 'r2', account: 'acme', key: nobody, amount: 500, ttlMs: 60_000 })
    gate.ledger.settle('r2', 123)
    const people = await gate.lazu(['accounts', 'balance', 'acme'])
    expect(people.stdout.split('\n')).toEqual([
      'account    acme',
      'credited   $10.0000',
      'spent      $0.000123',
      'held       $0.0003',
      'available  $9.999577',
      '',
    ])
    const json = await gate.lazu(['accounts', 'balance', 'acme', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({
      account: 'acme',
      balance: {
        granted: { micros: 10_000_000, usd: '$10.0000' },
        settled: { micros: 123, usd: '$0.000123' },
        held: { micros: 300, usd: '$0.0003' },
        available: { micros: 9_999_577, usd: '$9.999577' },
      },
    })
  })

  it('is zeros for an account nobody knows', async () => {
    const gate = await gateway()
    const { code, stdout } = await gate.lazu(['accounts', 'balance', 'nobody'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^available +\$0\.0000$/m)
  })
})

describe('lazu accounts usage', () => {
  function charge(gate: Gateway, id: string, model: string | undefined, amount: number): void {
    gate.ledger.reserve({ id, account: 'acme', key: nobody, amount, ttlMs: 60_000, model })
    gate.ledger.settle(id, amount, { inputTokens: 100, outputTokens: 7 })
  }

  it('tells what was spent each day, and in all', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 20, 12) })
    const gate = await gateway()
    gate.ledger.credit('acme', 10_000_000, 'a')
    charge(gate, 'r1', 'gpt-5', 1_000)
    vi.setSystemTime(Date.UTC(2026, 10, 21, 12))
    charge(gate, 'r2', 'gpt-5', 20)
    charge(gate, 'r3', undefined, 3)
    const { code, stdout } = await gate.lazu(['accounts', 'usage', 'acme'])
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'Day         Requests  Input tokens  Output tokens      Spent',
      '2026-11-20         1           100              7    $0.0010',
      '2026-11-21         2           200             14  $0.000023',
      'total              3           300             21  $0.001023',
      '',
    ])
  })

  it('is of one key, by model, between two days, as JSON', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 20, 12) })
    const gate = await gateway()
    gate.ledger.credit('acme', 10_000_000, 'a')
    charge(gate, 'r1', 'gpt-5', 1_000)
    charge(gate, 'r2', undefined, 20)
    const query = ['--key', nobody, '--from', '2026-11-20', '--to', '2026-11-20', '--by', 'model']
    const json = await gate.lazu(['accounts', 'usage', ...query, '--json'])
    expect(JSON.parse(json.stdout)).toEqual({
      key: nobody,
      from: '2026-11-20',
      to: '2026-11-20',
      by: 'model',
      sums: [
        {
          name: '',
          requests: 1,
          inputTokens: 100,
          outputTokens: 7,
          amount: { micros: 20, usd: '$0.00002' },
        },
        {
          name: 'gpt-5',
          requests: 1,
          inputTokens: 100,
          outputTokens: 7,
          amount: { micros: 1_000, usd: '$0.0010' },
        },
      ],
      total: {
        name: 'total',
        requests: 2,
        inputTokens: 200,
        outputTokens: 14,
        amount: { micros: 1_020, usd: '$0.00102' },
      },
    })
    const people = await gate.lazu(['accounts', 'usage', ...query])
    expect(people.stdout).toMatch(/^Model .*\n\(none\) +1 .*\ngpt-5 +1 /)
  })

  it('is of the last 30 days with today, unless days are given', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 2, 1, 23, 59) })
    const gate = await gateway()
    const usage = vi.spyOn(gate.ledger, 'usage')
    await gate.lazu(['accounts', 'usage', 'acme'])
    expect(usage).toHaveBeenCalledExactlyOnceWith({
      account: 'acme',
      from: '2026-01-31',
      to: '2026-03-01',
      by: 'day',
    })
  })

  it.each([
    [['acme', '--key', nobody], '<account>'],
    [[], '<account>'],
    [['acme', '--from', 'yesterday'], '--from'],
    [['acme', '--to', '2026-02-30'], '--to'],
    [['acme', '--from', '2026-03-02', '--to', '2026-03-01'], '--from'],
    [['acme', '--by', 'hour'], '--by'],
    [['--key', 'acme'], '--key'],
  ])('refuses %j', async (argv, param) => {
    const gate = await gateway()
    const ran = await gate.lazu(['accounts', 'usage', ...argv, '--json'])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(errorOf(ran)).toMatchObject({ code: 'usage', param })
  })
})
