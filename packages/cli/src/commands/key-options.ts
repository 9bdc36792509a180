import type { NewKey } from '@lazu/core'
import type { Command } from 'commander'
import { dollars } from '../values/dollars.js'
import { metadataEntry } from '../values/metadata.js'
import { name } from '../values/name.js'
import { future } from '../values/time.js'
import { wholeNumber } from '../values/whole-number.js'

/** What is given for a key that is to be made. */
export interface KeyOptions {
  readonly account: string
  readonly name: string
  readonly tier?: string | undefined
  readonly rpm?: number | undefined
  readonly tpm?: number | undefined
  readonly concurrency?: number | undefined
  readonly model?: readonly string[] | undefined
  readonly allow?: readonly string[] | undefined
  readonly capTotal?: number | undefined
  readonly capDay?: number | undefined
  readonly capMonth?: number | undefined
  readonly lane?: string | undefined
  readonly expires?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** Adds the options of a key that is to be made. */
export function addKeyOptions(command: Command): Command {
  return command
    .requiredOption('--account <account>', 'who pays for what the key does', name('--account'))
    .requiredOption('--name <name>', 'what people call the key', name('--name'))
    .option('--tier <tier>', "a tier of the gateway's limits")
    .option('--rpm <n>', 'requests a minute', limit('--rpm'))
    .option('--tpm <n>', 'tokens a minute', limit('--tpm'))
    .option('--concurrency <n>', 'requests in flight at once', limit('--concurrency'))
    .option('--model <model...>', 'the models it may use; all unless given')
    .option('--allow <network...>', 'the networks it may be used from, as CIDR; all unless given')
    .option('--cap-total <usd>', 'dollars it may spend in its life', dollars('--cap-total'))
    .option('--cap-day <usd>', 'dollars it may spend in a day (UTC)', dollars('--cap-day'))
    .option('--cap-month <usd>', 'dollars it may spend in a month (UTC)', dollars('--cap-month'))
    .option('--lane <lane>', 'the lane its requests are priced in and routed to')
    .option(
      '--expires <when>',
      'a date (2026-12-31), or how long from now (30d)',
      future('--expires'),
    )
    .option('--metadata <name=value...>', 'anything else to keep with it', metadataEntry)
}

/** The key to be made. */
export function newKey(options: KeyOptions): NewKey {
  const { account, tier, lane, metadata, model: models, allow, expires } = options
  const limits = given({ rpm: options.rpm, tpm: options.tpm, concurrency: options.concurrency })
  const caps = given({ total: options.capTotal, day: options.capDay, month: options.capMonth })
  return {
    account,
    name: options.name,
    tier,
    lane,
    metadata,
    models,
    allow,
    expiresAtMs: expires,
    limits,
    caps,
  }
}

/** The members, or undefined when each of them is. */
function given<Members extends Record<string, number | undefined>>(
  members: Members,
): Members | undefined {
  return Object.values(members).some((value) => value !== undefined) ? members : undefined
}

function limit(option: string): (text: string) => number {
  return wholeNumber(option, { least: 1, most: Number.MAX_SAFE_INTEGER })
}
