import { createClientAddressResolver, formatAddress, type GatewayOptions } from '@lazu/core'
import { canonical, inventedHops, inventedPlace, isLoopback } from '../addresses.js'
import { mistake, notChecked, ok, warning, type Check, type Finding } from '../check.js'
import type { Answer } from '../probe.js'
import { startWithConfig } from '../mounting.js'
import { serverCheck } from '../needs.js'

/** Nobody can choose their own address. */
export const spoofedAddress: Check = serverCheck(
  { code: 'LAZU_DOCTOR_SPOOFED_ADDRESS', title: 'An invented X-Forwarded-For is not believed' },
  ({ spoofed }, { config }) => {
    const record = spoofed?.record
    if (record === undefined || config === undefined || spoofed?.outcome.kind !== 'answer') {
      return [notChecked('Only a request log tells which address the server sees.')]
    }
    const place = inventedPlace(record.clientAddress)
    const facts = { seen: record.clientAddress }
    if (place === undefined) return [ok('An invented X-Forwarded-For is not believed.', { facts })]
    return [{ ...believed(place, config.gateway, spoofed.outcome), facts }]
  },
)

const otherOptions = mistake(
  'The server believes an invented X-Forwarded-For that this configuration does not: it runs with ' +
    'other options.',
  startWithConfig,
)

function believed(place: number, { trustProxies }: GatewayOptions, answer: Answer): Finding {
  if (trustProxies === undefined) return otherOptions
  if (typeof trustProxies === 'number') return ofNumber(trustProxies, place, answer)
  if (isTrusted(trustProxies, answer.ownAddress)) {
    return notChecked(
      `This machine (${canonical(answer.ownAddress)}) is in a network that trustProxies trusts, so it ` +
        'may say who calls. Run this from elsewhere to see what a stranger may say.',
    )
  }
  return mistake(
    'The server believes an invented X-Forwarded-For from here: a trusted proxy in between passes ' +
      'it on as it came.',
    'Let the proxy append the address of its caller (nginx: $proxy_add_x_forwarded_for), or write ' +
      'the header anew.',
  )
}

/** Each proxy on the way has put an entry behind the invented ones. */
function ofNumber(trusted: number, place: number, answer: Answer): Finding {
  const passed = trusted - place
  if (passed < 0) return otherOptions
  const between = passed === 1 ? 'is 1 proxy' : `are ${passed} proxies`
  const found =
    `The server believes an invented X-Forwarded-For: trustProxies is ${trusted}, and from here there ` +
    `${between} before it.`
  const mend =
    (passed === 0 ? '' : `Write trustProxies: ${passed} if this is the way strangers come. `) +
    "Otherwise let only the proxies reach the server, or list their networks: ['10.0.0.0/8']."
  // Past all proxies, on the server's own machine: nobody else may be able to.
  if (passed === 0 && isLoopback(answer.serverAddress)) return warning(found, mend)
  return mistake(found, mend)
}

function isTrusted(networks: readonly string[], own: string | undefined): boolean {
  const seen = createClientAddressResolver(networks, 'trustProxies')(own, inventedHops)
  return seen !== undefined && inventedPlace(formatAddress(seen)) !== undefined
}
