import { afterAll, beforeAll, describe } from 'vitest'
import {
  hasRedis,
  startRedis,
  startRedisCluster,
  type RedisClusterServers,
  type RedisServer,
} from './redis.js'

/**
 * Describes what needs a Redis server: one is started before its tests, and ended after them. Where
 * `redis-server` is not installed, the tests are left out with a warning; where `CI` is set, they
 * fail.
 *
 * @param describeTests gets a function that gives the server, once the tests run
 */
export function describeWithRedis(
  name: string,
  describeTests: (server: () => RedisServer) => void,
): void {
  describeWith(name, 'Redis', startRedis, describeTests)
}

/** As `describeWithRedis`, with three servers that are a cluster. */
export function describeWithRedisCluster(
  name: string,
  describeTests: (servers: () => RedisClusterServers) => void,
): void {
  describeWith(name, 'a cluster of Redis', startRedisCluster, describeTests)
}

function describeWith<T extends { stop(): Promise<void> }>(
  name: string,
  on: string,
  start: () => Promise<T>,
  describeTests: (started: () => T) => void,
): void {
  const isLeftOut = !hasRedis() && process.env['CI'] === undefined
  if (isLeftOut) process.emitWarning(`NOT TESTED, because redis-server is not installed: ${name}`)
  describe.skipIf(isLeftOut)(`${name}, on ${on}`, () => {
    let started: T | undefined

    beforeAll(async () => {
      started = await start()
    }, 60_000)

    afterAll(async () => {
      await started?.stop()
    }, 30_000)

    describeTests(() => {
      if (started === undefined) throw new Error('the server runs only while the tests do')
      return started
    })
  })
}
