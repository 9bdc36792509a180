import type { ApiKey } from '@lazu/core'
import type { Command } from 'commander'
import { CommandError } from '../command-error.js'
import type { Context } from '../context.js'
import { keyFacts, keyJson, keyStatus } from '../show/key-record.js'
import { showMoment } from '../show/moment.js'
import { nextPage } from '../show/next-page.js'
import { keyId } from '../values/key-id.js'
import { name } from '../values/name.js'
import { pageLimit } from '../values/whole-number.js'

interface ListOptions {
  readonly account?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** Adds `lazu keys list`. */
export function addListKeys(keys: Command, context: Context): void {
  keys
    .command('list')
    .description('List keys, a page at a time, in the order they were made')
    .option('--account <account>', 'only the keys of this account', name('--account'))
    .option('--limit <n>', 'how many, 1 to 1000', pageLimit, 50)
    .option('--after <id>', 'begin behind this key', keyId('--after'))
    .addHelpText(
      'after',
      `
Examples:
  $ lazu keys list
  $ lazu keys list --account acme --limit 10
  $ lazu keys list --after key_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu keys list --json | jq -r '.keys[].id'`,
    )
    .action(async ({ account, limit, after }: ListOptions) => {
      const { output } = context
      const service = await context.keys()
      const page = await service.list({ account, limit, after })
      const next = page.length < limit ? undefined : page.at(-1)?.id
      if (output.isJson) {
        output.json({ keys: page.map(keyJson), next: next ?? null })
        return
      }
      if (page.length === 0) {
        output.line(after === undefined ? 'There are no keys.' : 'There are no more keys.')
        return
      }
      output.table(['Id', 'Account', 'Name', 'Key', 'Status', 'Created', 'Expires'], page.map(row))
      if (next === undefined) return
      const only = account === undefined ? [] : ['--account', account]
      const words = ['keys', 'list', ...only, '--limit', String(limit), '--after', next]
      output.line()
      output.line(nextPage(words, context.options().config))
    })
}

/** Adds `lazu keys show`. */
export function addShowKey(keys: Command, context: Context): void {
  keys
    .command('show')
    .argument('<id>', "the key's id", keyId('<id>'))
    .description('Show all that is known of a key; its secret is not')
    .addHelpText(
      'after',
      `
Examples:
  $ lazu keys show key_01JD3M7Q4R5S6T7V8W9XABCDEF
  $ lazu keys show key_01JD3M7Q4R5S6T7V8W9XABCDEF --json`,
    )
    .action(async (id: string) => {
      const { output } = context
      const service = await context.keys()
      const key = await service.get(id)
      if (key === undefined) {
        throw new CommandError('not_found', `There is no key with the id ${id}.`, { param: '<id>' })
      }
      if (output.isJson) output.json({ record: keyJson(key) })
      else output.facts(keyFacts(key))
    })
}

function row(key: ApiKey): string[] {
  return [
    key.id,
    key.account,
    key.name,
    key.shown,
    keyStatus(key),
    showMoment(key.createdAtMs),
    key.expiresAtMs === undefined ? 'never' : showMoment(key.expiresAtMs),
  ]
}
