import { createHash } from 'node:crypto'
import type { RedisClient } from '../clients/redis-client.js'

/** A Lua script. Servers know it by its digest once they have seen it. */
export interface Script {
  readonly source: string
  readonly sha: string
}

/** A script of these parts. */
export function script(...parts: readonly string[]): Script {
  const source = parts.join('\n')
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Runs a script, and sends its text only when the server has forgotten it. */
export async function evalScript(
  client: RedisClient,
  { source, sha }: Script,
  keys: readonly [string, ...string[]],
  args: readonly string[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await client.send(keys[0], ['EVALSHA', sha, ...rest])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.send(keys[0], ['EVAL', source, ...rest])
  }
}
