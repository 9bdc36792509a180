import { mistake, notChecked, ok, type Check } from '../check.js'
import { guardStates, isBodyGuard } from '../guard-states.js'
import { startWithConfig } from '../mounting.js'
import { routesCheck } from '../needs.js'

/** The guards of the configuration stand on each route. */
export const guards: Check = routesCheck(
  { code: 'LAZU_DOCTOR_GUARDS', title: 'The guards of the configuration are active' },
  ({ routes }, { config }) =>
    routes.map((seen) => {
      const { route, withoutKey } = seen
      if (withoutKey.kind === 'not_sent') return notChecked(withoutKey.reason, { route })
      const states = guardStates(seen, config?.gateway)
      const facts = { guards: Object.fromEntries(states) }
      const namesOf = (state: string): string[] =>
        [...states].flatMap(([name, of]) => (of === state ? [name] : []))
      // Of keys and bodies other checks say more.
      const missing = namesOf('missing').filter((name) => name !== 'api-key' && !isBodyGuard(name))
      if (missing.length > 0) {
        return mistake(
          `${route} runs without ${missing.join(', ')}, which the configuration has.`,
          startWithConfig,
          { route, facts },
        )
      }
      const active = namesOf('active')
      if (active.length > 0) return ok(`${route} met ${active.join(', ')}.`, { route, facts })
      const inferred = namesOf('inferred')
      if (inferred.length === 0) return notChecked(`${route} shows no guard.`, { route, facts })
      return ok(`${route} has ${inferred.join(', ')}, as is inferred.`, { route, facts })
    }),
)
