import { describe } from 'vitest'
import type { Harness } from '../harness.js'
import { describeAddresses } from './addresses.js'
import { describeBodies } from './bodies.js'
import { describeConcurrency } from './concurrency.js'
import { describeEndedResponses } from './ended-responses.js'
import { describeErrors } from './errors.js'
import { describeHeadPhase } from './head-phase.js'
import { describeKeys } from './keys.js'
import { describeLateHandlers } from './late-handlers.js'
import { describeLeaving } from './leaving.js'
import { describeLifecycle } from './lifecycle.js'
import { describeLimits } from './limits.js'
import { describeQuota } from './quota.js'
import { describeTimeouts } from './timeouts.js'
import type { MakeLimitStore } from './world.js'

/**
 * Everything an adapter must do, on a listening server. The adapter's own test only builds apps:
 *
 * ```ts
 * runAdapterContract(expressHarness)
 * ```
 */
export function runAdapterContract(harness: Harness): void {
  describe(`${harness.name} as an adapter`, () => {
    describeErrors(harness)
    describeEndedResponses(harness)
    describeHeadPhase(harness)
    describeKeys(harness)
    describeAddresses(harness)
    describeBodies(harness)
    describeLimits(harness)
    describeConcurrency(harness)
    describeQuota(harness)
    describeTimeouts(harness)
    describeLateHandlers(harness)
    describeLifecycle(harness)
    describeLeaving(harness)
  })
}

/**
 * How the limits of a gateway behave, wherever they are counted; the same as with those in memory.
 *
 * @param makeLimitStore makes a store that nothing was counted in; called in each test
 */
export function runLimitGuardContract(
  name: string,
  harness: Harness,
  makeLimitStore: MakeLimitStore,
): void {
  describe(`${name} counting the limits of a gateway`, () => {
    describeLimits(harness, makeLimitStore)
    describeConcurrency(harness, makeLimitStore)
  })
}
