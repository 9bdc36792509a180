import type { Keys, Ledger } from '@lazu/core'
import { CommandError, exitCodes, type ExitCode } from './command-error.js'
import type { LazuConfig } from './config.js'
import { loadConfig, type LoadedConfig } from './load-config.js'
import { createOutput, type Output, type Sink } from './output.js'

/** Where answers of a person, or of a pipe, are read from. */
export type Source = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }

/** The world a command runs in. */
export interface Surroundings {
  readonly stdin: Source
  readonly stdout: Sink
  readonly stderr: Sink
  /** The folder configuration files are looked for in. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The options every command takes. */
export interface GlobalOptions {
  readonly config?: string | undefined
  readonly json?: boolean | undefined
}

/** What a command works with. */
export interface Context {
  readonly surroundings: Surroundings
  readonly output: Output
  /** The options every command takes, as they were given. */
  readonly options: () => GlobalOptions
  /**
   * The configuration, read when it is asked for the first time.
   *
   * @throws CommandError `configuration` when there is none, or it has a mistake
   */
  readonly config: () => Promise<LazuConfig>
  /**
   * The file the configuration is in, as an absolute path.
   *
   * @throws CommandError as `config()`
   */
  readonly configFile: () => Promise<string>
  /** The gateway's keys. @throws CommandError `configuration` when it has none */
  readonly keys: () => Promise<Keys>
  /** The gateway's ledger. @throws CommandError `configuration` when it has none */
  readonly ledger: () => Promise<Ledger>
  /** Ends the process with this code when the command is done, although nothing was thrown. */
  readonly exitWith: (code: ExitCode) => void
}

/** A context, and what only the one who made it may do. */
export interface OwnedContext extends Context {
  /** The code to end with when nothing was thrown. */
  readonly exitCode: ExitCode
  /** What is waited for now. */
  readonly waitingFor: 'configuration' | 'command' | 'close'
  /** Closes the configuration, if it was read. */
  readonly close: () => Promise<void>
}

/**
 * Makes a context.
 *
 * @param options the options every command takes, as far as they are known when they are needed
 */
export function createContext(
  surroundings: Surroundings,
  options: () => GlobalOptions,
): OwnedContext {
  let loading: Promise<LoadedConfig> | undefined
  let exitCode: ExitCode = exitCodes.done
  let waitingFor: OwnedContext['waitingFor'] = 'command'
  const load = (): Promise<LoadedConfig> => (loading ??= read())
  const read = async (): Promise<LoadedConfig> => {
    waitingFor = 'configuration'
    try {
      return await loadConfig(surroundings.cwd, options().config)
    } finally {
      waitingFor = 'command'
    }
  }
  return {
    surroundings,
    options,
    output: createOutput({ ...surroundings, isJson: () => options().json === true }),
    config: async () => (await load()).config,
    configFile: async () => (await load()).file,
    keys: async () => {
      const { config, name } = await load()
      if (config.gateway.keys !== undefined) return config.gateway.keys
      throw new CommandError(
        'configuration',
        `${name}.gateway.keys is missing. ` +
          'Give it what the server uses, keys: createKeys({ store }) for instance.',
      )
    },
    ledger: async () => {
      const { config, name } = await load()
      if (config.gateway.ledger !== undefined) return config.gateway.ledger
      throw new CommandError(
        'configuration',
        `${name}.gateway.ledger is missing. ` +
          "Give it what the server uses, ledger: sqliteStore({ path: 'lazu.db' }).ledger for instance.",
      )
    },
    exitWith: (code) => {
      exitCode = code
    },
    get exitCode() {
      return exitCode
    },
    get waitingFor() {
      return waitingFor
    },
    close: async () => {
      waitingFor = 'close'
      // A configuration that could not be read has nothing to close.
      const loaded = await loading?.catch(() => undefined)
      await loaded?.config.close?.()
    },
  }
}
