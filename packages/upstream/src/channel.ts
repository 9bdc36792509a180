import { ConfigurationError, GatewayError } from '@lazu/core'
import { ChannelBreaker, type BreakerSettings } from './channel-breaker.js'
import type { ChannelOptions } from './channel-options.js'
import { Connections } from './connections.js'
import { timeLimits, type TimeLimits } from './deadlines.js'
import { isHeaderValue, problemOfHeader, type RequestHeaders } from './request-headers.js'

/** What channels share. */
export interface ChannelDefaults {
  readonly breaker: BreakerSettings
  readonly limits: TimeLimits
}

/** One upstream, and what is known of it. */
export class Channel {
  readonly name: string
  readonly lane: string | undefined
  readonly weight: number
  readonly limits: TimeLimits
  readonly breaker: ChannelBreaker
  readonly connections: Connections
  /** Scheme, host and port. */
  readonly origin: string
  /** The path of the base URL, without a slash at its end. */
  readonly basePath: string
  readonly askUsage: boolean
  /** Headers of its own. */
  readonly headers: RequestHeaders
  /** Its key; undefined: it is missing, null: none is needed. */
  readonly key: string | null | undefined
  readonly #model: ChannelOptions['model']

  /** @throws ConfigurationError for the first mistake in what zod did not look at */
  constructor(options: ChannelOptions, defaults: ChannelDefaults, path: string) {
    const url = baseUrl(options.url, `${path}.url`)
    this.name = options.name
    this.lane = options.lane
    this.weight = options.weight ?? 1
    this.limits = limitsOf(options, defaults.limits, `${path}.timeout`)
    this.breaker = new ChannelBreaker(defaults.breaker)
    this.connections = new Connections(url.origin)
    this.origin = url.origin
    this.basePath = url.pathname.replace(/\/+$/, '')
    this.askUsage = options.askUsage ?? true
    this.headers = checkHeaders(options.headers ?? {}, `${path}.headers`)
    this.key = checkKey(options.key, `${path}.key`)
    this.#model = options.model
  }

  /** Whether it is worth a call: its key is there. */
  get hasKey(): boolean {
    return this.key !== undefined
  }

  /**
   * What the upstream calls a model; undefined: as callers do.
   *
   * @throws GatewayError channel_mapping_failed when the mapping throws, or gives no text
   */
  mappedModel(asked: string): string | undefined {
    if (this.#model === undefined || typeof this.#model === 'string') return this.#model
    let model: unknown
    try {
      model = this.#model(asked)
    } catch (error) {
      throw this.mappingFailed('its model function threw', error)
    }
    if (typeof model === 'string' && model !== '' && model.length <= longestModel) return model
    throw this.mappingFailed('its model function gave no name of a model')
  }

  /** The error of a mapping that is wrong. */
  mappingFailed(problem: string, cause?: unknown): GatewayError {
    const options = cause === undefined ? undefined : { cause }
    return new GatewayError('channel_mapping_failed', {
      cause: new Error(`channel "${this.name}": ${problem}`, options),
    })
  }
}

/** Longest name of a model, in characters. */
const longestModel = 256

/** A URL may hold a password: what is wrong with one is told without it. */
function baseUrl(value: unknown, path: string): URL {
  const mend = "Write a base URL as 'https://api.openai.com/v1'."
  const wrong = (problem: string): ConfigurationError =>
    new ConfigurationError('LAZU_CONFIG_INVALID_OPTION', path, problem, mend)
  if (value === undefined) {
    throw new ConfigurationError('LAZU_CONFIG_MISSING_OPTION', path, 'is missing', mend)
  }
  if (typeof value !== 'string' || !URL.canParse(value)) throw wrong('is no URL')
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw wrong('is neither http nor https')
  if (url.username !== '' || url.password !== '') throw wrong('has credentials in it')
  if (value.includes('?') || value.includes('#')) throw wrong('has a query or a hash')
  return url
}

function checkKey(key: unknown, path: string): string | null | undefined {
  if (key === undefined || key === null) return key
  if (isHeaderValue(key)) return key === '' ? undefined : key
  throw new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    path,
    'has something in it that no header can hold, a line break at its end for instance',
    'Give the key as text, or null when the upstream asks for none.',
  )
}

function checkHeaders(headers: unknown, path: string): RequestHeaders {
  if (typeof headers !== 'object' || headers === null) {
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_OPTION',
      path,
      'is no object',
      "Write { 'x-name': 'value' }.",
    )
  }
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const problem = problemOfHeader(name, value)
    if (problem !== undefined) {
      throw new ConfigurationError(
        'LAZU_CONFIG_INVALID_OPTION',
        `${path}[${JSON.stringify(name)}]`,
        problem,
        'Take it out, or write another one.',
      )
    }
    checked[name.toLowerCase()] = String(value)
  }
  return checked
}

function limitsOf(
  { timeout = {} }: ChannelOptions,
  defaults: TimeLimits,
  path: string,
): TimeLimits {
  const own = timeLimits(timeout, path)
  return {
    connectMs: own.connectMs ?? defaults.connectMs,
    firstByteMs: own.firstByteMs ?? defaults.firstByteMs,
    idleMs: own.idleMs ?? defaults.idleMs,
    totalMs: own.totalMs ?? defaults.totalMs,
  }
}
