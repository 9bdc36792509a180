import { parseAddress } from '@lazu/core'
import { mistake, ok, warning, type Check, type Finding } from '../check.js'
import { configCheck } from '../needs.js'

/** No proxy provider has a wider network than this, and no private network is wider. */
const shortestPrefix = { 4: 8, 6: 16 } as const

/** `trustProxies` trusts proxies, and nobody else. */
export const trustedNetworks: Check = configCheck(
  { code: 'LAZU_DOCTOR_TRUSTED_NETWORKS', title: 'The proxy setting trusts proxies only' },
  ({ gateway: { trustProxies } }) => {
    if (trustProxies === undefined) return [ok('No proxy is trusted: the caller is who connects.')]
    if (typeof trustProxies === 'number') return [ofNumber(trustProxies)]
    const wide = trustProxies.filter(isWide)
    if (wide.length === 0) return [ok(`Trusted proxies: ${trustProxies.join(', ')}.`)]
    return [
      mistake(
        `gateway.trustProxies trusts ${wide.join(', ')}, which is more than anybody's proxies: ` +
          'strangers in it choose their own address, and pass any allowlist.',
        "List the networks of your own proxies: trustProxies: ['10.0.0.0/8'].",
      ),
    ]
  },
)

function ofNumber(count: number): Finding {
  if (count === 1) {
    return ok(
      'One proxy is trusted, whoever it is; right when nobody can reach the server past it.',
    )
  }
  return warning(
    `gateway.trustProxies is ${count}: who comes through fewer proxies than that, or reaches the ` +
      'server past them, chooses their own address.',
    "Better list the proxies' networks, trustProxies: ['10.0.0.0/8'], or see that every way to the " +
      `server leads through ${count} proxies that append to X-Forwarded-For.`,
  )
}

function isWide(network: string): boolean {
  const [address = '', prefix] = network.split('/')
  if (prefix === undefined) return false
  const isWritten6 = address.includes(':')
  if (parseAddress(address)?.family === 4) {
    // IPv4 inside IPv6 is the last 32 bits of 128.
    return Number(prefix) - (isWritten6 ? 96 : 0) < shortestPrefix[4]
  }
  // Unique local addresses are one such network (RFC 4193).
  if (/^f[cd]/i.test(address)) return Number(prefix) < 7
  return Number(prefix) < shortestPrefix[6]
}
