import type { ApiKey, GatewayOptions, Movement, RequestRecord } from '@lazu/core'

/** All that is known of one request. */
export interface Trace {
  /** What the request log has; undefined when it has nothing, or there is none. */
  readonly request: RequestRecord | undefined
  /** The key it came with, as it is now. */
  readonly key: ApiKey | undefined
  /** What happened to the money it held, in its order. */
  readonly movements: readonly Movement[]
}

/** Asks the stores of a gateway, as far as it has them, what they know of a request. */
export async function findTrace(gateway: GatewayOptions, requestId: string): Promise<Trace> {
  const [request, movements = []] = await Promise.all([
    gateway.requestLog?.find(requestId),
    gateway.ledger?.movements(requestId),
  ])
  const keyId = request?.keyId ?? movements.find(({ key }) => key !== undefined)?.key
  const key = keyId === undefined ? undefined : await gateway.keys?.get(keyId)
  return { request, key, movements }
}
