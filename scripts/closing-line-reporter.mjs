// Ends a test run with one line that people and machines read the same way: `N passed, N failed`.
import { DefaultReporter } from 'vitest/node'

export default class ClosingLineReporter extends DefaultReporter {
  onTestRunEnd(modules, errors, reason) {
    super.onTestRunEnd(modules, errors, reason)
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++
      // A file that could not be loaded has no tests to count, and is a failure all the same.
      if (module.errors().length > 0) count.failed++
    }
    const failed = count.failed + errors.length
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    console.log(`\n${count.passed} passed, ${failed} failed${skipped}`)
  }
}
