import type { IncomingMessage } from 'node:http'

/** So many names and values are kept by Node 20's parser: 1,000 headers. */
const keptEntries = 2_000

/**
 * Whether Node may have dropped headers of a request without a word, as Node 20 does with those
 * after the first thousand. The one a proxy adds at the end, X-Forwarded-For, would be gone, and its
 * caller pass for the proxy.
 */
export function mayHaveLostHeaders(request: IncomingMessage): boolean {
  return request.rawHeaders.length >= keptEntries
}
