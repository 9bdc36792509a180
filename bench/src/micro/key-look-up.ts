import { hash, timingSafeEqual } from 'node:crypto'
import { createKeys, generateKey } from '@lazu/core'
import { different, inTurn, type Group } from './group.js'

const bearer = 'Bearer '

/** Which key a header carries. The text of a header is a new one with every request. */
export async function keyLookUpGroup(): Promise<Group> {
  const keys = createKeys()
  const secrets: string[] = []
  const records = new Map<string, object>()
  const byDigest = new Map<string, object>()
  for (let index = 0; index < different; index++) {
    const secret = generateKey('sk-lazu-')
    const record = await keys.import(secret, { account: 'acme', name: 'bench' })
    await keys.authenticate(secret)
    secrets.push(secret)
    records.set(secret, record)
    byDigest.set(hash('sha256', secret, 'hex'), record)
  }
  const header = inTurn((index) => Buffer.from(`${bearer}${secrets[index]}`))
  const secret = (): string => header().toString('latin1', bearer.length)
  const hundred = secrets.slice(0, 100).map((each) => Buffer.from(each))
  return {
    title: 'a known key is looked up',
    limitNs: 300,
    contenders: [
      { name: 'keys.authenticate()', role: 'lazu', call: () => keys.authenticate(secret()) },
      { name: 'a Map by the key as it came', role: 'minimum', call: () => records.get(secret()) },
      {
        name: 'a Map by its SHA-256',
        role: 'beside',
        call: () => byDigest.get(hash('sha256', secret(), 'hex')),
      },
      {
        name: 'timingSafeEqual with each of 100 keys',
        role: 'beside',
        call: () => {
          const given = Buffer.from(secret())
          return hundred.filter((each) => timingSafeEqual(each, given)).length
        },
      },
      { name: 'the text alone', role: 'beside', call: secret },
    ],
  }
}
