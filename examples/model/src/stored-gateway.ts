import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createKeys, type GatewayOptions, type Keys, type Ledger } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { dataFile } from './data-file.js'
import { gatewayOptions } from './gateway-options.js'
import { upstreamFrom, type ExampleUpstream } from './upstream.js'

/** A gateway's options, on stores that outlive the process. */
export interface StoredGateway {
  /** The file that has the keys, the balances and the request log. */
  readonly file: string
  /** What `lazu()` is given. */
  readonly options: GatewayOptions
  readonly keys: Keys
  readonly ledger: Ledger
  /** The real API that answers, when there is one. */
  readonly upstream: ExampleUpstream | undefined
  /** Closes the file, and the connections to the upstream. */
  readonly close: () => Promise<void>
}

/**
 * Opens an example's data, or makes the file and its folder. It may be open elsewhere, too: in the
 * server, and in the `lazu` command.
 *
 * @param example the example's own folder, with a slash at its end
 * @throws Error that names the file when it cannot be used, or the variable that is missing
 */
export function openGateway(example: URL): StoredGateway {
  const upstream = upstreamFrom(process.env)
  const file = dataFile(example)
  makeFolder(dirname(file))
  const store = sqliteStore({ path: file })
  const keys = createKeys({ store: store.keys })
  const { ledger, requestLog } = store
  return {
    file,
    options: gatewayOptions({ keys, ledger, requestLog }, upstream?.models),
    keys,
    ledger,
    upstream,
    async close() {
      await upstream?.upstream.close()
      await store.close()
    },
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `The folder ${folder} cannot be made: ${problem}. Name another one in DATA_DIR.`,
      { cause },
    )
  }
}
