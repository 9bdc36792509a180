import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder for the files of one test file; it is removed when that is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lazu-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
