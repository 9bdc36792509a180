import type { Protocol } from '../exchange.js'

/** The API family of a path: `/v1/messages` and `/anthropic/*`, `/v1beta/*` and `/gemini/*`, else openai. */
export function protocolOf(path: string): Protocol {
  if (path.startsWith('/v1beta/') || path.startsWith('/gemini/')) return 'gemini'
  if (path.startsWith('/anthropic/')) return 'anthropic'
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return 'anthropic'
  return 'openai'
}
