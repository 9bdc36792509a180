import type { RequestContext } from '@lazu/core/app'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by every plugin of lazu. */
    lazu: RequestContext
  }
}
