import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'

/** Gives back what was taken. */
export type GiveBack = () => void

/**
 * Is told what gives back what was taken for a request.
 *
 * @param observe whether it was taken from a rule that only observes
 */
export type Taken = (giveBack: GiveBack, observe: boolean) => void

/** Rules that are counted outside of this process, so that their decision must be waited for. */
export interface SharedLimits {
  /**
   * Takes for a request, and notes where the limits stand.
   *
   * @param taken a refusal may have taken something, too
   * @returns why a limit, or the failure of its store, refuses the request
   */
  take(exchange: Exchange, taken: Taken): Promise<GatewayError | undefined>
}
