import { notChecked, ok, type Check } from '../check.js'
import { serverCheck } from '../needs.js'

/** There are routes to look at. */
export const knownRoutes: Check = serverCheck(
  { code: 'LAZU_DOCTOR_ROUTES', title: 'There are routes to look at' },
  ({ routes }) => [
    routes.length === 0
      ? notChecked(
          "No route is known: give --route 'POST /v1/chat/completions', or routes in the configuration.",
        )
      : ok(`Looked at ${routes.map(({ route }) => route).join(', ')}.`),
  ],
)
