/** How the body of an answer is passed on: read whole, event by event, or as it comes. */
export type BodyKind = 'json' | 'events' | 'bytes'

/** The media type of a Content-Type, without its parameters. */
function mediaTypeOf(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim()
}

/** How a body of this type is passed on; undefined: not at all. */
export function bodyKindOf(contentType: string): BodyKind | undefined {
  if (contentType.length > 200) return undefined
  const type = mediaTypeOf(contentType).toLowerCase()
  if (type === 'text/event-stream') return 'events'
  if (type === 'application/json') return 'json'
  if (type === 'application/octet-stream') return 'bytes'
  if (!/^[a-z]+\/[a-z0-9.+-]{1,80}$/.test(type)) return undefined
  if (/^(?:audio|image|video)\//.test(type)) return 'bytes'
  return type.startsWith('application/') && type.endsWith('+json') ? 'json' : undefined
}

/**
 * The Content-Type a client gets: the upstream's own media type, and of its parameters those a client
 * needs to play raw sound. What else an upstream writes there is nobody's business here.
 */
export function contentTypeFor(contentType: string, kind: BodyKind): string {
  if (kind === 'events') return 'text/event-stream; charset=utf-8'
  if (kind === 'json') return 'application/json'
  const parameters = contentType.match(/;\s*(?:rate|channels)=\d{1,7}(?=\s*(?:;|$))/gi) ?? []
  return mediaTypeOf(contentType) + parameters.join('')
}
