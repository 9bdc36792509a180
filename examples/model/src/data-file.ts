import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Where an example keeps its data: in `data` inside its folder, or in the folder that DATA_DIR names.
 * The working directory does not matter, unless DATA_DIR is relative to it.
 *
 * @param example the example's own folder, with a slash at its end
 * @throws Error when DATA_DIR is empty
 */
export function dataFile(example: URL): string {
  const folder = process.env['DATA_DIR'] ?? fileURLToPath(new URL('data', example))
  if (folder.trim() === '') throw new Error('DATA_DIR must name a folder, but is empty.')
  return join(resolve(folder), 'lazu.db')
}
