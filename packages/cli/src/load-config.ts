import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkConfig } from './check-config.js'
import { CommandError } from './command-error.js'
import type { LazuConfig } from './config.js'
import { errorText } from './error-report.js'

/** The names a configuration file is looked for under, in this order. */
export const configNames: readonly string[] = [
  'lazu.config.ts',
  'lazu.config.js',
  'lazu.config.mjs',
]

/** A configuration, and where it came from. */
export interface LoadedConfig {
  readonly config: LazuConfig
  /** An absolute path. */
  readonly file: string
  /** The file's name, with which messages about it begin. */
  readonly name: string
}

/**
 * Reads and checks a configuration.
 *
 * @param folder where to look for it
 * @param given the file somebody named, relative to the folder or absolute
 * @throws CommandError `configuration` that says what is wrong and how to mend it
 */
export async function loadConfig(folder: string, given?: string): Promise<LoadedConfig> {
  const file = given === undefined ? find(folder) : resolve(folder, given)
  if (!existsSync(file)) {
    throw new CommandError('configuration', `There is no file ${file}. Look at --config.`)
  }
  const name = basename(file)
  const value = await read(file)
  return { config: checkConfig(value, name), file, name }
}

async function read(file: string): Promise<unknown> {
  try {
    return await valueOf(await defaultExport(file), file)
  } catch (error) {
    throw notLoaded(error, file)
  }
}

function find(folder: string): string {
  const file = configNames.map((name) => resolve(folder, name)).find((path) => existsSync(path))
  if (file !== undefined) return file
  const names = `${configNames.slice(0, -1).join(', ')} or ${configNames.at(-1) ?? ''}`
  throw new CommandError(
    'configuration',
    `There is no ${names} in ${folder}. Name one with --config, or make one: ` +
      "import { defineConfig } from 'lazu'; export default defineConfig({ gateway: { keys, ledger } })",
  )
}

async function defaultExport(file: string): Promise<unknown> {
  const module = await load(file)
  const found: unknown =
    typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined
  if (found !== undefined) return found
  throw new CommandError(
    'configuration',
    `${file} has no default export. Write export default defineConfig({ gateway: { keys, ledger } }).`,
  )
}

async function load(file: string): Promise<unknown> {
  if (!/^\.[cm]?tsx?$/.test(extname(file))) return import(pathToFileURL(file).href)
  const { createJiti } = await import('jiti')
  // Nothing is kept on the disk: a configuration may hold secrets, and temporary folders are shared.
  const jiti = createJiti(pathToFileURL(file).href, { fsCache: false, interopDefault: false })
  return jiti.import(file)
}

async function valueOf(exported: unknown, file: string): Promise<unknown> {
  if (typeof exported !== 'function') return exported
  const value: unknown = await exported()
  if (value !== undefined) return value
  throw new CommandError(
    'configuration',
    `The function ${file} exports gives nothing. Return { gateway: { keys, ledger } }.`,
  )
}

function notLoaded(error: unknown, file: string): CommandError {
  if (error instanceof CommandError) return error
  // Node lists who required a module that is not there, which is this file.
  const text = errorText(error).replace(/ Require stack:.*$/, '.')
  const mend = /outside a module|Unexpected token 'export'/.test(text)
    ? ' Name it lazu.config.mjs, or write "type": "module" in the package.json beside it.'
    : ''
  return new CommandError('configuration', `${file} cannot be loaded: ${text}${mend}`, {
    cause: error,
  })
}
