import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'

// Two dozen servers are started, on a machine that may have others to run.
vi.setConfig({ testTimeout: 180_000 })

const root = fileURLToPath(new URL('..', import.meta.url))

it('every server that is measured answers good calls, wrong keys and used-up limits as it should', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['bench/dist/chain.js', '--check'],
    { cwd: root },
  )
  expect(stderr).toBe('')
  expect(stdout).toBe('Every server answers as it should.\n')
})
