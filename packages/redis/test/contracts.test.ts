import { describeWithRedis } from '@lazu/testkit'
import { openedForTests, openIoredis, openIovalkey, openNodeRedis } from './clients.js'
import { runContract } from './contract.js'

const kinds = { 'node-redis': openNodeRedis, ioredis: openIoredis, iovalkey: openIovalkey }

for (const [name, open] of Object.entries(kinds)) {
  describeWithRedis(`the ledger by ${name}`, (server) => {
    runContract(
      name,
      openedForTests(() => server().url, open),
    )
  })
}
