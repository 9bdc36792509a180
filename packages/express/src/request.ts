import type { RequestContext } from '@lazu/core/app'

declare global {
  // Express has its types extended in this namespace and nowhere else.
  namespace Express {
    interface Request {
      /** Set by every middleware of lazu. */
      lazu: RequestContext
    }
  }
}
