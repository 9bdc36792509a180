/** The path and the query of a request's target. */
export interface Target {
  readonly path: string
  /** Without the `?`; empty when there is none. */
  readonly query: string
}

/**
 * Splits a request target as the client sent it. An absolute one (`GET http://host/v1`, RFC 9112,
 * section 3.2.2) counts by its path; its host, like the Host header, decides nothing.
 */
export function splitTarget(target: string): Target {
  const start = target.startsWith('/') ? 0 : pathStart(target)
  const question = target.indexOf('?', start)
  if (question === -1) return { path: target.slice(start), query: '' }
  return { path: target.slice(start, question), query: target.slice(question + 1) }
}

function pathStart(target: string): number {
  const scheme = target.indexOf('://')
  if (scheme === -1) return 0
  const slash = target.indexOf('/', scheme + 3)
  return slash === -1 ? target.length : slash
}
