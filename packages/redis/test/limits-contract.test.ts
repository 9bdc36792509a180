import { redisLimits, type AnyRedisClient } from '@lazu/redis'
import {
  describeWithRedis,
  describeWithRedisCluster,
  runLimitStoreContract,
  type MakeLimitStore,
} from '@lazu/testkit'
import {
  openedForTests,
  openIoredis,
  openIoredisCluster,
  openIovalkey,
  openNodeRedis,
  openNodeRedisCluster,
} from './clients.js'

let prefixes = 0

/** Each store has a prefix of its own. */
function makeStore(client: () => AnyRedisClient): MakeLimitStore {
  return (clock) => redisLimits(client(), { clock, prefix: `test ${prefixes++}` })
}

const kinds = { 'node-redis': openNodeRedis, ioredis: openIoredis, iovalkey: openIovalkey }

for (const [name, open] of Object.entries(kinds)) {
  describeWithRedis(`the limits by ${name}`, (server) => {
    runLimitStoreContract(name, makeStore(openedForTests(() => server().url, open)))
  })
}

const clusterKinds = { 'node-redis': openNodeRedisCluster, ioredis: openIoredisCluster }

describeWithRedisCluster('the limits', (servers) => {
  for (const [name, open] of Object.entries(clusterKinds)) {
    const make = makeStore(openedForTests(() => servers().nodes[0]?.url ?? '', open))
    runLimitStoreContract(name, make)
  }
})
