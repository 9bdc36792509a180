import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'

/** Tests that leave nothing behind in their process, so that one may have been loaded by many. */
const together = [
  'packages/{core,express,fastify,koa,postgres,redis,testkit,upstream}/test/**/*.test.ts',
  'test/{contracts,hostile,sdk,upstream}/**/*.test.ts',
  'test/{catalogue,configuration,define-dialect,degraded,errors-alone,journal-into,limit-store,openapi,problem,rate-headers,rate-headers-properties,request-log,same-decision,thrown-by-libraries,types}.test.ts',
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
      { extends: true, test: { name: 'together', include: together, isolate: false } },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...together],
        },
      },
    ],
  },
})
