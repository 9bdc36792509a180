import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests import the packages by name and so run against what `tsc -b` built: the code a user gets.
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // Many tests wait for deadlines and for other processes, and leave their core to others.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    testTimeout: 20_000,
    restoreMocks: true,
  },
})
