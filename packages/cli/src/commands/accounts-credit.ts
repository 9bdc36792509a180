import { formatUsd, ulid, type Balance, type Ledger } from '@lazu/core'
import type { Command } from 'commander'
import { CommandError } from '../command-error.js'
import type { Context } from '../context.js'
import { reportOf } from '../error-report.js'
import { ledgerIsInMemory, memoryWarning } from '../in-memory.js'
import type { Output } from '../output.js'
import { balanceFacts, balanceJson, moneyJson } from '../show/money.js'
import { dollars } from '../values/dollars.js'
import { name } from '../values/name.js'

const howReferencesCount = `A reference counts once for an account: the same command again changes nothing, whatever its amount,
and says so. Without one, one is made and printed, so that a command whose outcome is not known can
be repeated with it.`

interface CreateOptions {
  readonly credit?: number | undefined
  readonly reference?: string | undefined
}

/** Adds `lazu accounts create`. */
export function addCreateAccount(accounts: Command, context: Context): void {
  accounts
    .command('create')
    .argument('<account>', "the account's name", name('<account>'))
    .description('Make an account')
    .option('--credit <usd>', 'dollars to begin with', dollars('--credit'))
    .option(
      '--reference <text>',
      'what the credit is for, an invoice for instance',
      name('--reference'),
    )
    .addHelpText(
      'after',
      `
${howReferencesCount}

Examples:
  $ lazu accounts create acme
  $ lazu accounts create acme --credit 250 --reference invoice-2026-001`,
    )
    .action(async (account: string, options: CreateOptions) => {
      const { output } = context
      if (options.credit === undefined && options.reference !== undefined) {
        throw new CommandError('usage', '--reference means nothing without --credit. Give both.', {
          param: '--credit',
        })
      }
      const ledger = await context.ledger()
      if (!(await ledger.createAccount(account))) {
        throw new CommandError(
          'refused',
          `There is an account ${JSON.stringify(account)} already, and nothing was changed. ` +
            'Top it up with lazu accounts credit.',
          { param: '<account>' },
        )
      }
      if (options.credit !== undefined) {
        showCredit(await credit(ledger, account, options.credit, options.reference), output)
      } else if (output.isJson) {
        output.json({ account, balance: balanceJson(await ledger.balance(account)) })
      } else {
        output.line(`The account ${account} is made. It has nothing yet.`)
      }
    })
}

/** Adds `lazu accounts credit`. */
export function addCreditAccount(accounts: Command, context: Context): void {
  accounts
    .command('credit')
    .argument('<account>', "the account's name", name('<account>'))
    .argument('<usd>', 'dollars, with at most 6 decimals', dollars('<usd>'))
    .description('Add money to an account')
    .option('--reference <text>', 'what it is for, an invoice for instance', name('--reference'))
    .addHelpText(
      'after',
      `
${howReferencesCount}

Examples:
  $ lazu accounts credit acme 250 --reference invoice-2026-002
  $ lazu accounts credit acme 0.000001 --json`,
    )
    .action(async (account: string, micros: number, options: CreateOptions) => {
      const ledger = await context.ledger()
      showCredit(await credit(ledger, account, micros, options.reference), context.output)
    })
}

interface Credit {
  readonly account: string
  readonly micros: number
  readonly reference: string
  readonly before: Balance
  readonly balance: Balance
  /**
   * Whether the reference was there, so that nothing was added: less came to the account than this
   * credit. When it is not, that much came, from this credit or from others at the same moment.
   */
  readonly isRepeated: boolean
  readonly inMemory: boolean
}

async function credit(
  ledger: Ledger,
  account: string,
  micros: number,
  given: string | undefined,
): Promise<Credit> {
  const reference = given ?? `credit_${ulid(Date.now())}`
  const before = await ledger.balance(account)
  try {
    const balance = await ledger.credit(account, micros, reference)
    const isRepeated = balance.granted - before.granted < micros
    const inMemory = ledgerIsInMemory(ledger)
    return { account, micros, reference, before, balance, isRepeated, inMemory }
  } catch (error) {
    if (error instanceof RangeError) {
      throw new CommandError('refused', `The account cannot hold that much: ${error.message}.`, {
        cause: error,
      })
    }
    // A write that failed here may have been made all the same.
    const { code, message } = reportOf(error)
    throw new CommandError(
      code,
      `${message} Whether it was credited is not certain. ` +
        `Credit it again with --reference ${reference}: a reference counts once.`,
      { param: '--reference', cause: error },
    )
  }
}

function showCredit(credited: Credit, output: Output): void {
  const { account, micros, reference, before, balance, isRepeated, inMemory } = credited
  if (output.isJson) {
    output.json({
      account,
      reference,
      amount: moneyJson(micros),
      repeated: isRepeated,
      before: balanceJson(before),
      balance: balanceJson(balance),
      inMemory,
    })
    return
  }
  output.facts([
    ['account', account],
    ['amount', `${formatUsd(micros)}${isRepeated ? ', not added' : ''}`],
    ['reference', reference],
    ...balanceFacts(balance),
  ])
  output.line()
  output.line('A reference counts once: the same command again adds nothing.')
  if (isRepeated) {
    output.warn(
      `warning: The account was credited with the reference ${JSON.stringify(reference)} before, so ` +
        'nothing was added now, whatever the amount. Give another one for another credit.',
    )
  }
  if (inMemory) output.warn(memoryWarning('ledger'))
}
