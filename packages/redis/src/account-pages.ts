import type { AccountBalance, AccountPage } from '@lazu/core'
import { balanceIn, list, text } from './answer.js'
import type { RedisClient } from './clients/redis-client.js'
import { RedisForgotError } from './failures.js'
import type { KeyNames } from './key-names.js'
import { balanceScript } from './scripts/step-scripts.js'
import type { Steps } from './steps.js'

const namesAtOnce = 100

/** The names in the index, in the order of their bytes. Not each of them need be an account. */
export async function* accountNames(
  client: RedisClient,
  names: KeyNames,
  after?: string,
): AsyncGenerator<string> {
  let last = after
  for (;;) {
    const page = await namesAfter(client, names, last)
    yield* page
    if (page.length < namesAtOnce) return
    last = page.at(-1)
  }
}

/** A page of accounts and their money. */
export async function accountPage(
  client: RedisClient,
  names: KeyNames,
  steps: Steps,
  { after, limit }: AccountPage,
): Promise<AccountBalance[]> {
  const found: AccountBalance[] = []
  let last = after
  while (found.length < limit) {
    const page = await namesAfter(client, names, last)
    const accounts = await Promise.all(page.map(async (name) => balanceOf(steps, name)))
    found.push(...accounts.filter((account) => account !== undefined))
    if (page.length < namesAtOnce) break
    last = page.at(-1)
  }
  return found.slice(0, limit)
}

async function namesAfter(
  client: RedisClient,
  { accounts }: KeyNames,
  after: string | undefined,
): Promise<string[]> {
  const from = after === undefined ? '-' : `(${after}`
  const answer = await client.send(accounts, [
    'ZRANGEBYLEX',
    accounts,
    from,
    '+',
    'LIMIT',
    '0',
    String(namesAtOnce),
  ])
  return list(answer).map(text)
}

// A name is in the index before its account is made, and stays there when it never was. One that is
// forgotten has no balance until it is restored, and the others are told all the same.
async function balanceOf(steps: Steps, account: string): Promise<AccountBalance | undefined> {
  try {
    const answer = await steps.run({ script: balanceScript, account, args: [] })
    return answer.generation === '' ? undefined : { account, ...balanceIn(answer) }
  } catch (error) {
    if (error instanceof RedisForgotError) return undefined
    throw error
  }
}
