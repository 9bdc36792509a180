import { formatUsd } from '@lazu/core'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { balanceFacts, balanceJson } from '../show/money.js'
import { nextPage } from '../show/next-page.js'
import { name } from '../values/name.js'
import { pageLimit } from '../values/whole-number.js'

interface ListOptions {
  readonly limit: number
  readonly after?: string | undefined
}

/** Adds `lazu accounts list`. */
export function addListAccounts(accounts: Command, context: Context): void {
  accounts
    .command('list')
    .description('List accounts and their money, a page at a time, in the order of their names')
    .option('--limit <n>', 'how many, 1 to 1000', pageLimit, 50)
    .option('--after <account>', 'begin behind this name', name('--after'))
    .addHelpText(
      'after',
      `
Examples:
  $ lazu accounts list
  $ lazu accounts list --limit 10 --after acme
  $ lazu accounts list --json | jq '.accounts[] | select(.available.micros < 1000000)'`,
    )
    .action(async ({ limit, after }: ListOptions) => {
      const { output } = context
      const ledger = await context.ledger()
      const page = await ledger.accounts({ limit, after })
      const next = page.length < limit ? undefined : page.at(-1)?.account
      if (output.isJson) {
        const shown = page.map(({ account, ...balance }) => ({ account, ...balanceJson(balance) }))
        output.json({ accounts: shown, next: next ?? null })
        return
      }
      if (page.length === 0) {
        output.line(after === undefined ? 'There are no accounts.' : 'There are no more accounts.')
        return
      }
      output.table(
        ['Account', 'Credited', 'Spent', 'Held', 'Available'],
        page.map(({ account, granted, settled, held, available }) => [
          account,
          ...[granted, settled, held, available].map(formatUsd),
        ]),
      )
      if (next === undefined) return
      output.line()
      const words = ['accounts', 'list', '--limit', String(limit), '--after', next]
      output.line(nextPage(words, context.options().config))
    })
}

/** Adds `lazu accounts balance`. */
export function addAccountBalance(accounts: Command, context: Context): void {
  accounts
    .command('balance')
    .argument('<account>', "the account's name", name('<account>'))
    .description(
      'Tell what an account was credited, spent, holds and has; zeros for one nobody knows',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ lazu accounts balance acme
  $ lazu accounts balance acme --json | jq .balance.available.micros`,
    )
    .action(async (account: string) => {
      const { output } = context
      const ledger = await context.ledger()
      const balance = await ledger.balance(account)
      if (output.isJson) output.json({ account, balance: balanceJson(balance) })
      else output.facts([['account', account], ...balanceFacts(balance)])
    })
}
