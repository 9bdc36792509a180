import { formatUsd, type UsageQuery, type UsageSum } from '@lazu/core'
import { Option, type Command } from 'commander'
import { CommandError } from '../command-error.js'
import type { Context } from '../context.js'
import { moneyJson } from '../show/money.js'
import { keyId } from '../values/key-id.js'
import { name } from '../values/name.js'
import { day, daysAgo } from '../values/time.js'

const heads = { day: 'Day', model: 'Model', key: 'Key' } as const

interface UsageOptions {
  readonly key?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly by: UsageQuery['by']
}

/** Adds `lazu accounts usage`. */
export function addAccountUsage(accounts: Command, context: Context): void {
  accounts
    .command('usage')
    .argument('[account]', "the account's name", name('<account>'))
    .description('Tell what an account, or one key, spent')
    .option('--key <id>', 'of this key, in the place of an account', keyId('--key'))
    .option('--from <day>', 'the first day (UTC); 30 days with today unless given', day('--from'))
    .option('--to <day>', 'the last day (UTC); today unless given', day('--to'))
    .addOption(
      new Option('--by <what>', 'what to add up by').choices(Object.keys(heads)).default('day'),
    )
    .addHelpText(
      'after',
      `
A charge counts on the day it was settled. Both days are included.

Examples:
  $ lazu accounts usage acme
  $ lazu accounts usage acme --from 2026-11-01 --to 2026-11-30 --by model
  $ lazu accounts usage --key key_01JD3M7Q4R5S6T7V8W9XABCDEF --json`,
    )
    .action(async (account: string | undefined, options: UsageOptions) => {
      const { output } = context
      const query = usageQuery(account, options)
      const ledger = await context.ledger()
      const sums = await ledger.usage(query)
      const total = totalOf(sums)
      if (output.isJson) {
        output.json({ ...query, sums: sums.map(sumJson), total: sumJson(total) })
        return
      }
      output.table(
        [heads[query.by], 'Requests', 'Input tokens', 'Output tokens', 'Spent'],
        [...sums, total].map(row),
      )
    })
}

function usageQuery(account: string | undefined, options: UsageOptions): UsageQuery {
  const { key, from = daysAgo(29), to = daysAgo(0), by } = options
  if (from > to) {
    throw new CommandError('usage', `--from is ${from}, after the last day, ${to}.`, {
      param: '--from',
    })
  }
  if (account !== undefined && key === undefined) return { account, from, to, by }
  if (key !== undefined && account === undefined) return { key, from, to, by }
  throw new CommandError('usage', 'Give an account, or a key with --key, and not both.', {
    param: '<account>',
  })
}

function totalOf(sums: readonly UsageSum[]): UsageSum {
  const add = (count: (sum: UsageSum) => number): number =>
    sums.reduce((total, sum) => total + count(sum), 0)
  return {
    name: 'total',
    requests: add((sum) => sum.requests),
    amount: add((sum) => sum.amount),
    inputTokens: add((sum) => sum.inputTokens),
    outputTokens: add((sum) => sum.outputTokens),
  }
}

function row(sum: UsageSum): string[] {
  const counts = [sum.requests, sum.inputTokens, sum.outputTokens].map(String)
  return [sum.name === '' ? '(none)' : sum.name, ...counts, formatUsd(sum.amount)]
}

function sumJson({ amount, ...sum }: UsageSum): Record<string, unknown> {
  return { ...sum, amount: moneyJson(amount) }
}
