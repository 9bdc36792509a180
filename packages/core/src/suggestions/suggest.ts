import type { GatewayError, Hints } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import type { ModelInfo } from '../guards/model.js'
import { dearestCostMicros } from '../quota/cost.js'
import { createPriceList, type PriceList, type Prices } from '../quota/price.js'
import { createModelSuggester } from './model-suggester.js'

/** What is known of a server's models. */
export interface SuggestionSources {
  readonly models: readonly ModelInfo[]
  readonly aliases: Readonly<Record<string, string>> | undefined
  readonly prices: Prices | undefined
  /** Where the options stand, for errors. */
  readonly path: string
}

/** How many models are suggested at most. */
const mostSuggestions = 3

/**
 * What may be suggested to a caller about an error: names like an unknown model's, cheaper models on
 * an empty balance, larger contexts on an overlong input, other models when one cannot be served.
 * A model that is hidden, or that the request's key may not use, is never suggested.
 *
 * @throws ConfigurationError for an alias of a model that is not there
 */
export function createSuggest(
  sources: SuggestionSources,
): (error: GatewayError, exchange: Exchange) => Hints {
  const { models, prices } = sources
  const byName = new Map(models.map((info) => [info.name, info]))
  const names = [...byName.keys()]
  const suggestName = createModelSuggester(names, sources.aliases, `${sources.path}.aliases`)
  const priceList = prices === undefined ? undefined : createPriceList(prices)
  return (error, exchange) => {
    const { model } = exchange
    if (model === undefined) return {}
    const isOther = (info: ModelInfo | undefined): boolean =>
      info !== undefined && info.name !== model && isVisible(info, exchange)
    switch (error.condition) {
      case 'model_not_found':
      case 'model_not_allowed':
        return suggestName(model, (name) => isOther(byName.get(name)))
      case 'insufficient_quota':
      case 'key_quota_exceeded':
        return { suggestions: cheaper(error, exchange, models.filter(isOther), priceList) }
      case 'context_length_exceeded':
        return { suggestions: largerContexts(models, model, models.filter(isOther)) }
      case 'no_channel':
      case 'channels_exhausted':
      case 'channel_key_missing':
      case 'upstream_unavailable':
        return { alternatives: firstOf(models.filter(isOther)) }
      default:
        return {}
    }
  }
}

function firstOf(infos: readonly ModelInfo[]): readonly string[] {
  return infos.slice(0, mostSuggestions).map(({ name }) => name)
}

function isVisible(info: ModelInfo, exchange: Exchange): boolean {
  const allowed = exchange.key?.models
  return info.hidden !== true && (allowed === undefined || allowed.includes(info.name))
}

/** Models whose estimate the balance covers, the cheapest first. */
function cheaper(
  error: GatewayError,
  { estimate, key }: Exchange,
  others: readonly ModelInfo[],
  priceList: PriceList | undefined,
): readonly string[] {
  const balance = error.facts?.['balance_usd']
  if (estimate === undefined || priceList === undefined || typeof balance !== 'number') return []
  const affordable: { name: string; micros: number }[] = []
  for (const { name } of others) {
    const prices = priceList.pricesFor(name, key?.lane)
    if (prices.length === 0) continue
    const micros = dearestCostMicros(prices, estimate)
    if (micros <= balance * 1_000_000) affordable.push({ name, micros })
  }
  return affordable
    .toSorted((left, right) => left.micros - right.micros)
    .slice(0, mostSuggestions)
    .map(({ name }) => name)
}

/** Models with a larger context than the one asked for, the smallest of them first. */
function largerContexts(
  models: readonly ModelInfo[],
  model: string,
  others: readonly ModelInfo[],
): readonly string[] {
  const context = models.find(({ name }) => name === model)?.contextTokens ?? Infinity
  return others
    .filter(({ contextTokens = 0 }) => contextTokens > context)
    .toSorted((left, right) => (left.contextTokens ?? 0) - (right.contextTokens ?? 0))
    .slice(0, mostSuggestions)
    .map(({ name }) => name)
}
