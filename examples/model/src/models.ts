import type { GatewayOptions } from '@lazu/core'

/**
 * The built-in models:
 *
 * - `lazu-echo` says what it was told
 * - `lazu-fails` breaks down: a stream after its third word, any other answer at once
 * - `lazu-slow` thinks for ten seconds before its first word, longer than the demo lets it
 */
export const models = ['lazu-echo', 'lazu-fails', 'lazu-slow'] as const

/** The body of `GET /v1/models`, as OpenAI sends it, for the models a gateway is told of. */
export function modelList({ models: known = models }: Pick<GatewayOptions, 'models'>): object {
  const names = known.map((model) => (typeof model === 'string' ? model : model.name))
  const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'lazu' }))
  return { object: 'list', data }
}
