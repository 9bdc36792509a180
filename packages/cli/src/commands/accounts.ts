import type { Command } from 'commander'
import type { Context } from '../context.js'
import { addCreateAccount, addCreditAccount } from './accounts-credit.js'
import { addAccountBalance, addListAccounts } from './accounts-read.js'
import { addAccountUsage } from './accounts-usage.js'

/** Adds `lazu accounts` and what is below it. */
export function addAccountsCommands(program: Command, context: Context): void {
  const accounts = program
    .command('accounts')
    .description('Make and top up accounts, and tell what they have and spent')
  addCreateAccount(accounts, context)
  addListAccounts(accounts, context)
  addCreditAccount(accounts, context)
  addAccountBalance(accounts, context)
  addAccountUsage(accounts, context)
}
