import { canonical, isLoopback, isPrivate, proxySign } from '../addresses.js'
import { mistake, notChecked, ok, warning, type Check, type Finding } from '../check.js'
import type { Answer } from '../probe.js'
import { routesCheck } from '../needs.js'

const trustIt =
  "Name the proxy's network, trustProxies: ['10.0.0.0/8'] for instance, and let the proxy append to X-Forwarded-For."

/** The server sees who calls, and not a proxy in between. */
export const seenAddress: Check = routesCheck(
  { code: 'LAZU_DOCTOR_PROXY_ADDRESS', title: "The server sees the caller's own address" },
  ({ routes, unknownPath }, { config }) => {
    const sign = proxySign(unknownPath)
    if (config !== undefined && config.gateway.trustProxies === undefined && sign !== undefined) {
      return [
        mistake(
          `There is a proxy in front of the server (${sign}), and trustProxies is not set: every ` +
            "caller has the proxy's address.",
          trustIt,
        ),
      ]
    }
    for (const { withoutKey } of routes) {
      if (withoutKey.kind === 'not_sent') continue
      const { outcome, record } = withoutKey
      if (outcome.kind === 'answer' && record !== undefined) {
        return [ofAddress(record.clientAddress, outcome)]
      }
    }
    return [notChecked('Only a request log tells which address the server sees.')]
  },
)

function ofAddress(seen: string | undefined, answer: Answer): Finding {
  const own = canonical(answer.ownAddress)
  const facts = { seen, own }
  if (seen === undefined) {
    return mistake(
      'The server cannot tell the address of its caller, so every allowlist refuses it.',
      'Behind a unix socket, write trustProxies: 1. Otherwise see that the proxy writes addresses ' +
        'into X-Forwarded-For, and nothing else.',
      { facts },
    )
  }
  if (isLoopback(seen) && !isLoopback(answer.serverAddress)) {
    return mistake(
      `The server takes this machine (${own}) for ${seen}: a proxy on its own machine passes requests ` +
        'on, and is not trusted to say for whom.',
      trustIt.replace('10.0.0.0/8', '127.0.0.1'),
      { facts },
    )
  }
  const isPublic = !isPrivate(answer.serverAddress) && !isLoopback(answer.serverAddress)
  if (isPrivate(seen) && seen !== own && isPublic) {
    return warning(
      `The server takes this machine (${own}) for ${seen}, an address of a private network: that is ` +
        'a proxy, unless this machine reaches the server by a way of its own.',
      trustIt,
      { facts },
    )
  }
  const whose = seen === own ? ", which is this machine's" : ''
  return ok(`The server sees ${seen}${whose}.`, { facts })
}
