import type { Check } from '../check.js'
import { allowlists } from './allowlists.js'
import { bodyBeforeKey } from './body-before-key.js'
import { configuration } from './configuration.js'
import { brokenJson, unknownPath } from './error-format.js'
import { guards } from './guards.js'
import { keysInMemory } from './keys-in-memory.js'
import { knownRoutes } from './known-routes.js'
import { ledgerInMemory } from './ledger-in-memory.js'
import { limitsInMemory } from './limits-in-memory.js'
import { meter } from './meter.js'
import { openRoutes } from './open-routes.js'
import { probeKey } from './probe-key.js'
import { reachable } from './reachable.js'
import { seenAddress } from './seen-address.js'
import { serverClock } from './server-clock.js'
import { sharedStores } from './shared-stores.js'
import { spoofedAddress } from './spoofed-address.js'
import { keysAnswer, ledgerAnswers, limitStoreAnswers, requestLogAnswers } from './stores.js'
import { timeout } from './timeout.js'
import { trustedNetworks } from './trusted-networks.js'
import { unknownTiers } from './unknown-tiers.js'
import { unpricedModels } from './unpriced-models.js'

/** Every check, in the order they are told. */
export const checks: readonly Check[] = [
  configuration,
  keysAnswer,
  ledgerAnswers,
  limitStoreAnswers,
  requestLogAnswers,
  keysInMemory,
  ledgerInMemory,
  limitsInMemory,
  unknownTiers,
  unpricedModels,
  timeout,
  trustedNetworks,
  reachable,
  serverClock,
  knownRoutes,
  openRoutes,
  bodyBeforeKey,
  probeKey,
  meter,
  guards,
  unknownPath,
  brokenJson,
  seenAddress,
  spoofedAddress,
  allowlists,
  sharedStores,
]
