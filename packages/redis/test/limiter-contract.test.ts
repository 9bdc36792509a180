import { redisLimiter, type AnyRedisClient } from '@lazu/redis'
import { describeWithRedis, describeWithRedisCluster, runLimiterContract } from '@lazu/testkit'
import {
  openedForTests,
  openIoredis,
  openIoredisCluster,
  openIovalkey,
  openNodeRedis,
  openNodeRedisCluster,
} from './clients.js'

let prefixes = 0

/** Holds the limiter to its contract; each one has a prefix of its own. */
function runContract(name: string, client: () => AnyRedisClient): void {
  runLimiterContract(name, (options) =>
    redisLimiter(client(), { ...options, keyPrefix: `test ${prefixes++}` }),
  )
}

const kinds = { 'node-redis': openNodeRedis, ioredis: openIoredis, iovalkey: openIovalkey }

for (const [name, open] of Object.entries(kinds)) {
  describeWithRedis(`the limiter by ${name}`, (server) => {
    runContract(
      name,
      openedForTests(() => server().url, open),
    )
  })
}

const clusterKinds = { 'node-redis': openNodeRedisCluster, ioredis: openIoredisCluster }

describeWithRedisCluster('the limiter', (servers) => {
  for (const [name, open] of Object.entries(clusterKinds)) {
    runContract(
      name,
      openedForTests(() => servers().nodes[0]?.url ?? '', open),
    )
  }
})
