import { mistake, notChecked, ok, type Check } from '../check.js'
import { configCheck } from '../needs.js'
import { mostKeys } from '../examination.js'

const mostNamed = 5

/** Every key's tier is among the configured ones. */
export const unknownTiers: Check = configCheck(
  { code: 'LAZU_DOCTOR_UNKNOWN_TIER', title: "The keys' tiers are configured" },
  ({ gateway: { tiers = {} } }, { stores: { keys } }) => {
    if (keys?.kind !== 'answered') return [notChecked('There are no keys to look at.')]
    const looked = keys.value.length
    const facts = { looked, isAll: looked < mostKeys }
    const scope = facts.isAll ? `every key (${looked})` : `the first ${looked} keys only`
    const wrong = keys.value.filter(
      ({ tier, status }) =>
        tier !== undefined && status !== 'revoked' && !Object.hasOwn(tiers, tier),
    )
    if (wrong.length === 0)
      return [ok(`No key has an unknown tier; looked at ${scope}.`, { facts })]
    const named = wrong
      .slice(0, mostNamed)
      .map(({ id, tier }) => `${id} (${JSON.stringify(tier)})`)
      .join(', ')
    const more = wrong.length > mostNamed ? `, and ${wrong.length - mostNamed} more` : ''
    return [
      mistake(
        `gateway.tiers has no such tier, so requests with these keys fail with 500: ${named}${more}; ` +
          `looked at ${scope}.`,
        'Add the tier to gateway.tiers, or give the keys one of ' +
          `${Object.keys(tiers).join(', ') || 'the tiers you add'}.`,
        { facts },
      ),
    ]
  },
)
