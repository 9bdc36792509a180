import type { Exchange } from '../exchange.js'
import { setOpenaiRateHeaders } from './openai.js'

/** Tells the caller where the limits stand, in the headers its dialect has for it. */
export function announceLimits(exchange: Exchange): void {
  switch (exchange.dialect.rateHeaders) {
    case 'openai':
      setOpenaiRateHeaders(exchange)
      return
    case 'none':
      return
  }
}
