import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The path of a program for another process. */
export function childPath(name: string): string {
  return fileURLToPath(new URL(`children/${name}`, import.meta.url))
}

/** What opening a store in another process comes to: `opened`, or its error. */
export async function openElsewhere(path: string, ...flags: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [childPath('open-store.mjs'), path, ...flags])
  return stdout
}
