import type { GatewayOptions } from '@lazu/core'
import { channels, type Upstream } from '@lazu/upstream'

/** The real API an example passes requests on to. */
export interface ExampleUpstream {
  readonly upstream: Upstream
  /** The models callers may ask for. */
  readonly models: readonly string[]
}

/** What callers may ask for when UPSTREAM_MODELS says nothing else. */
const usualModels = 'gpt-5-mini,gpt-5'

/**
 * The API in UPSTREAM_URL, with the key in UPSTREAM_KEY, for the models in UPSTREAM_MODELS, which stand
 * there with commas between them. Undefined when there is no UPSTREAM_URL.
 *
 * @throws Error when there is no UPSTREAM_KEY, or no model
 */
export function upstreamFrom(env: NodeJS.ProcessEnv): ExampleUpstream | undefined {
  const { UPSTREAM_URL: url = '', UPSTREAM_KEY: key = '', UPSTREAM_MODELS = usualModels } = env
  if (url === '') return undefined
  if (key === '') throw new Error('UPSTREAM_KEY must be the key for UPSTREAM_URL, but is empty.')
  const models = UPSTREAM_MODELS.split(',').flatMap((name) => name.trim() || [])
  if (models.length === 0) throw new Error('UPSTREAM_MODELS must name a model, but is empty.')
  return { upstream: channels({ models: { '*': [{ name: 'upstream', url, key }] } }), models }
}

/** What of a gateway's options is different when a real API answers. */
export function optionsFor(models: readonly string[], price: Price): GatewayOptions {
  return {
    models,
    prices: Object.fromEntries(models.map((model) => [model, price])),
    // Real models think longer than the built-in ones, and are told what to say by their own API.
    timeout: { total: '10m' },
    defaultOutputTokens: undefined,
    validate: undefined,
  }
}

type Price = NonNullable<GatewayOptions['prices']>[string]
