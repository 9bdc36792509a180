import type { App } from '@lazu/testkit'
import type { Upstream } from '@lazu/upstream'

const paths = [
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1beta/models/:call',
] as const

/** Passes on all that SDKs ask for. */
export function forwarding(upstream: Upstream): App['routes'] {
  return Object.fromEntries(
    paths.map((path) => [`POST ${path}`, ({ lazu }) => upstream.forward(lazu)]),
  )
}
