import type { GatewayOptions } from '@lazu/core'
import { ok, warning, type Check } from '../check.js'
import { configCheck } from '../needs.js'

/** What several processes count, they count together. */
export const limitsInMemory: Check = configCheck(
  {
    code: 'LAZU_DOCTOR_LIMITS_IN_MEMORY',
    title: 'Several processes count limits together',
  },
  ({ gateway }) => {
    const { instances = 1, limitStore } = gateway
    if (limitStore !== undefined) return [ok('Limits are counted in gateway.limitStore.')]
    if (instances === 1) return [ok('gateway.instances tells of no second process.')]
    if (!countsInMemory(gateway)) return [ok('No limit is counted in memory.')]
    return [
      warning(
        `gateway.instances says that ${instances} processes serve, and each counts limits by itself: ` +
          `together they allow ${instances} times as much.`,
        'Give them a store: limitStore: redisLimits(client), of @lazu/redis.',
      ),
    ]
  },
)

function countsInMemory({ limits = [], tiers = {} }: GatewayOptions): boolean {
  const rules = Array.isArray(limits) ? limits : [limits]
  const counted = [...rules, ...Object.values(tiers)]
  return counted.some(({ rpm, tpm, concurrency }) => (rpm ?? tpm ?? concurrency) !== undefined)
}
