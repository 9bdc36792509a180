import type { RequestContext } from '@lazu/core/app'
import type { Gateway } from './gateway.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by every plugin of lazu. */
    lazu: RequestContext
  }
  interface FastifyInstance {
    /** The gateway of this scope; set by the plugin `lazu`, and inherited by the scopes in it. */
    lazu: Gateway
  }
}
