import { fileURLToPath } from 'node:url'
import { relative } from 'node:path'
import { formatUsd } from '@lazu/express'
import type { DemoKey } from './demo-key.js'
import type { ServerProcess } from './server-process.js'

/**
 * What a person is told: the key, and what to try with it.
 *
 * @param url the proxy's, without a path
 */
export function greeting(url: string, servers: readonly ServerProcess[], key: DemoKey): string {
  const names = servers.map(({ name, pid }) => `${name} (process ${pid})`)
  const { id, shown } = key.record
  const bearer = `-H "Authorization: Bearer ${key.secret ?? '$LAZU_KEY'}"`
  const body = { model: 'lazu-echo', messages: [{ role: 'user', content: 'Hello, gateway!' }] }
  const about =
    key.secret === undefined
      ? [
          `The key ${shown} of an earlier start is there, with ${formatUsd(key.available)} to spend.`,
          'Keys are shown once, when they are made. Set LAZU_KEY to it, or to a new one:',
          `  ${lazu(`keys rotate ${id}`)}`,
        ]
      : [
          `Your API key, with ${formatUsd(key.available)} to spend: ${key.secret}`,
          'It is shown once. For the commands that the next start shows, keep it:',
          `  export LAZU_KEY=${key.secret}`,
        ]
  return [
    `lazu listens on ${url}, and gives requests in turn to ${names.join(' and ')}`,
    ...about,
    '',
    'Try this in another terminal, more than once:',
    '',
    '# A good call. x-served-by says which process answered',
    `curl -i ${url}/v1/chat/completions ${bearer} \\`,
    `  -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`,
    '',
    '# The money that both have spent',
    lazu(`accounts balance ${key.record.account}`),
    '',
    '# One process is killed, the other goes on',
    `kill -9 ${servers[0]?.pid}`,
    '',
    '# From now on the key is refused everywhere',
    lazu(`keys revoke ${id}`),
    '',
    'Ctrl+C stops everything.',
  ].join('\n')
}

/** A `lazu` command on this example's data, for a shell in the working directory. */
function lazu(rest: string): string {
  // This module runs in dist, which is inside the example's folder.
  const config = fileURLToPath(new URL('../lazu.config.ts', import.meta.url))
  return `npx lazu ${rest} --config ${relative(process.cwd(), config)}`
}
