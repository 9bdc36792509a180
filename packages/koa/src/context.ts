import type { RequestContext } from '@lazu/core/app'

declare module 'koa' {
  interface ExtendableContext {
    /** Set by every middleware of lazu. */
    lazu: RequestContext
  }
}
