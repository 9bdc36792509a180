import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'

const tests = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts']

/**
 * Tests that leave something behind in their process, count and end all threads that it has, or measure
 * how fast it decides and recovers: one that has loaded much is held up longer.
 */
const alone = [
  'test/{no-promises,ledger-losses,limit-faults,store-faults}.test.ts',
  'packages/sqlite/test/{contracts,thread}.test.ts',
]

// Tests import the packages by name and so run against what `tsc -b` built: the code a user gets.
export default defineConfig({
  test: {
    // Many tests wait for deadlines and for other processes, and leave their core to others.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    testTimeout: 20_000,
    restoreMocks: true,
    projects: [
      // Loading the packages anew for each file takes as long as most files do.
      {
        extends: true,
        test: {
          name: 'together',
          include: tests,
          exclude: [...configDefaults.exclude, ...alone],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: alone } },
    ],
  },
})
