import { usd, type ApiKey, type Keys, type Ledger, type NewKey } from '@lazu/core'

/** Something for each key of the demo. */
export interface ForEachKey<Thing> {
  /** Good for everything. */
  readonly good: Thing
  /** May be used from 203.0.113.0/24 only, where nobody is: RFC 5737 keeps it for examples. */
  readonly elsewhere: Thing
  /** Two requests a minute. */
  readonly limited: Thing
  /** Its account has a hundredth of a cent, which no call can be cheaper than. */
  readonly poor: Thing
  /** Switched off, until somebody enables it. */
  readonly disabled: Thing
}

/** A key of the demo. */
export interface DemoKey {
  readonly record: ApiKey
  /** The secret of a key that was made just now; nobody can tell that of another one. */
  readonly secret: string | undefined
}

const pageLength = 1_000

/**
 * Sees that a demo's keys and credits are there, and makes those that are missing. What is there
 * stays as it is, so a start that was killed halfway is made good by the next one.
 */
export async function provideKeys(keys: Keys, ledger: Ledger): Promise<ForEachKey<DemoKey>> {
  await ledger.credit('acme', usd(5), 'welcome')
  await ledger.credit('poor', usd(0.0001), 'welcome')
  return {
    good: await provide(keys, { account: 'acme', name: 'good' }),
    elsewhere: await provide(keys, {
      account: 'acme',
      name: 'elsewhere',
      allow: ['203.0.113.0/24'],
    }),
    limited: await provide(keys, { account: 'acme', name: 'limited', limits: { rpm: 2 } }),
    poor: await provide(keys, { account: 'poor', name: 'poor' }),
    disabled: await provideDisabled(keys, { account: 'acme', name: 'disabled' }),
  }
}

async function provide(keys: Keys, wanted: NewKey): Promise<DemoKey> {
  const record = await find(keys, wanted)
  if (record !== undefined) return { record, secret: undefined }
  const made = await keys.create(wanted)
  return { record: made.record, secret: made.key }
}

/** A record's revision as it was made: nobody has changed it since. */
const firstRevision = 1

/** Switches a key off that is as it was made. What somebody changed, or enabled, stays as it is. */
async function provideDisabled(keys: Keys, wanted: NewKey): Promise<DemoKey> {
  const { record, secret } = await provide(keys, wanted)
  if (record.revision !== firstRevision) return { record, secret }
  return { record: await keys.disable(record.id), secret }
}

/** The oldest key of this account and name. One that was revoked will never be good again. */
async function find(keys: Keys, { account, name }: NewKey): Promise<ApiKey | undefined> {
  let after: string | undefined
  for (;;) {
    const page = await keys.list({ account, after, limit: pageLength })
    const found = page.find((key) => key.name === name && key.status !== 'revoked')
    if (found !== undefined || page.length < pageLength) return found
    after = page.at(-1)?.id
  }
}
