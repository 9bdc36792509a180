import { defineConfig } from 'vitest/config'

// Tests import the packages by name and so run against what `tsc -b` built: the code a user gets.
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 20_000,
    restoreMocks: true,
  },
})
