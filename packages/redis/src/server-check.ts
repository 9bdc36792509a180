import { ConfigurationError } from '@lazu/core'
import type { RedisClient } from './clients/redis-client.js'
import type { KeyNames } from './key-names.js'

/** What is to be known of the servers. */
export interface Servers {
  readonly isCluster: boolean
}

const leastVersion = '6.2'

/**
 * Looks at the servers, and warns of settings that could drop money.
 *
 * @throws ConfigurationError when a server is too old
 */
export async function checkServers(client: RedisClient, names: KeyNames): Promise<Servers> {
  // A cluster that is not connected yet knows no servers. A command on a key waits until it is.
  await client.send(names.accounts, ['ZCARD', names.accounts])
  const infos = (await client.sendToAll(['INFO', 'server'])).map(String)
  if (infos.length === 0) throw new Error('the client of the cluster knows no servers')
  for (const info of infos) checkVersion(fieldOf(info, 'redis_version'))
  await checkEviction(client)
  return { isCluster: infos.some((info) => modeOf(info) === 'cluster') }
}

/** Valkey has another name for it. */
function modeOf(info: string): string {
  return fieldOf(info, 'redis_mode') || fieldOf(info, 'server_mode')
}

function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 6 || (major === 6 && minor >= 2)) return
  throw new ConfigurationError(
    'LAZU_CONFIG_STORE',
    'redisLedger(client)',
    `is connected to Redis ${version.slice(0, 20)}`,
    `Use Redis ${leastVersion} or newer, or Valkey.`,
  )
}

async function checkEviction(client: RedisClient): Promise<void> {
  let policies: string[]
  try {
    policies = (await client.sendToAll(['CONFIG', 'GET', 'maxmemory-policy'])).map(policyIn)
  } catch (error) {
    // A managed server may forbid it. Whatever else is wrong, the next command shows.
    const reason = error instanceof Error ? error.message : String(error)
    process.emitWarning(
      'redisLedger() could not read the setting maxmemory-policy of Redis ' +
        `(${reason.slice(0, 100)}). It must be noeviction, or money gets lost.`,
      { code: 'LAZU_REDIS_EVICTION_UNKNOWN' },
    )
    return
  }
  const dangerous = policies.find((policy) => policy !== 'noeviction')
  if (dangerous === undefined) return
  process.emitWarning(
    `redisLedger() is on a Redis whose maxmemory-policy is ${JSON.stringify(dangerous)}: it may ` +
      'drop reservations and balances when its memory is full. ' +
      'Set maxmemory-policy noeviction.',
    { code: 'LAZU_REDIS_EVICTION' },
  )
}

/** The value in the answer to CONFIG GET: a list of name and value, a map or an object. */
function policyIn(answer: unknown): string {
  if (Array.isArray(answer)) return String(answer[1])
  if (answer instanceof Map) return String(answer.get('maxmemory-policy'))
  if (typeof answer === 'object' && answer !== null) {
    return String(Reflect.get(answer, 'maxmemory-policy'))
  }
  return ''
}

function fieldOf(info: string, name: string): string {
  const line = info.split(/\r?\n/).find((candidate) => candidate.startsWith(`${name}:`))
  return line?.slice(name.length + 1) ?? ''
}
