import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** What a process has for memory. */
export interface Memory {
  readonly bytes: number
  /** The most it has had. */
  readonly mostBytes: number
  /** What is reserved, in micro-dollars. */
  readonly held: number
}

/** A gateway in a process of its own, which passes everything on to one upstream. */
export interface StreamingServer {
  /** The socket it listens on. */
  readonly path: string
  readonly key: string
  memory(): Promise<Memory>
}

/**
 * Starts a gateway that is stopped when the test is over.
 *
 * @param certificate of an upstream, to be trusted
 */
export async function startStreamingServer(
  url: string,
  certificate?: string,
): Promise<StreamingServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lazu-streaming-'))
  const path = join(folder, 'socket')
  const trusted = join(folder, 'certificate.pem')
  if (certificate !== undefined) await writeFile(trusted, certificate)
  const file = fileURLToPath(new URL('children/streaming-server.mjs', import.meta.url))
  const env = { ...process.env, ...(certificate !== undefined && { NODE_EXTRA_CA_CERTS: trusted }) }
  const child = fork(file, [path, url], { execArgv: [], env })
  onTestFinished(async () => {
    child.kill()
    await once(child, 'exit')
    await rm(folder, { recursive: true })
  })
  const [{ key }] = await once(child, 'message')
  return {
    path,
    key,
    async memory() {
      child.send('memory')
      const [memory] = await once(child, 'message')
      return memory
    },
  }
}
