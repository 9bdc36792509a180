import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A `lazu` command on an example's data, for a POSIX shell in the working directory.
 *
 * @param example the example's own folder, with a slash at its end
 * @param file the file the data is in
 * @param rest what comes after `lazu`
 */
export function lazuCommand(example: URL, file: string, rest: string): string {
  const config = relative(process.cwd(), fileURLToPath(new URL('lazu.config.ts', example)))
  const command = `npx lazu ${rest} --config ${quoted(config)}`
  if (process.env['DATA_DIR'] === undefined) return command
  return `DATA_DIR=${quoted(dirname(file))} ${command}`
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
