import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

/**
 * Starts server processes before the tests, and ends them behind them. A server tells the port it
 * listens on as its first message.
 *
 * @param script what each of them runs
 * @param args what it is told; asked before the tests
 * @returns what gives their ports, while the tests run
 */
export function forkedServers(
  script: URL,
  args: () => readonly string[],
  count: number,
): () => readonly number[] {
  const ends: (() => void)[] = []
  let ports: readonly number[] | undefined

  beforeAll(async () => {
    const children = Array.from({ length: count }, () => fork(fileURLToPath(script), args()))
    ends.push(...children.map((child) => () => void child.kill('SIGKILL')))
    ports = await Promise.all(
      children.map(async (child): Promise<number> => {
        const [port] = await once(child, 'message')
        return port
      }),
    )
  }, 60_000)

  afterAll(() => {
    for (const end of ends) end()
  })
  return () => {
    if (ports === undefined) throw new Error('the servers are there only while tests run')
    return ports
  }
}
