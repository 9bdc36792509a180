import {
  checkOptions,
  ConfigurationError,
  durationMs,
  exchangeBehind,
  type RequestContext,
} from '@lazu/core'
import { call, type CallRequest, type UpstreamAnswer } from './call.js'
import { ChannelChoice, noChannel } from './channel-choice.js'
import type { ChannelOptions, UpstreamTimeouts } from './channel-options.js'
import { Channel, type ChannelDefaults } from './channel.js'
import { timeLimits, type TimeLimits } from './deadlines.js'
import { Drains } from './drains.js'
import type { CallSettings } from './failover.js'
import { forward, type ForwardOptions } from './forward.js'
import { upstreamSchema, type UpstreamOptions } from './upstream-options.js'
import { requestOf, requestOfHandler } from './upstream-request.js'

/** The name under which the channels of all other models are given. */
const anyOther = '*'

/** Upstreams to pass requests on to. Made by {@link channels}. */
export class Upstream {
  readonly #choices: ReadonlyMap<string, ChannelChoice>
  readonly #channels: readonly Channel[]
  readonly #settings: CallSettings

  constructor(
    choices: ReadonlyMap<string, ChannelChoice>,
    all: readonly Channel[],
    settings: CallSettings,
  ) {
    this.#choices = choices
    this.#channels = all
    this.#settings = settings
  }

  /**
   * Passes a request on, within its protocol, and answers it: with what the upstream answered, byte for
   * byte, or with an error. Nothing else may answer it then. What the answer used is charged, unless
   * the handler called `charge()` itself.
   *
   * @param context what lazu put on the request: `request.lazu`, `ctx.lazu` in Koa
   * @throws GatewayError while nothing has been sent to the client, so that a handler may do something
   * else; what fails later ends the answer
   * @throws ConfigurationError for a time limit that is no duration
   * @example
   * ```ts
   * app.post('/v1/chat/completions', (request) => upstream.forward(request.lazu))
   * ```
   */
  async forward(context: RequestContext, options: ForwardOptions = {}): Promise<void> {
    const exchange = exchangeBehind(context)
    const limits = limitsOf(options.timeout, 'forward().timeout')
    const request = requestOf(exchange, options.model)
    const choice = this.#choiceFor(request.model)
    await forward(exchange, { choice, request, limits, settings: this.#settings })
  }

  /**
   * Makes a call of a handler's own, in the name of the request it handles, and charges it what the
   * call used. Several calls add up. Of a stream it is charged what was told when its body was read.
   *
   * @throws GatewayError when there is no good answer
   * @throws ConfigurationError for a time limit that is no duration
   * @example
   * ```ts
   * const answer = await upstream.call(request.lazu, {
   *   path: '/v1/chat/completions',
   *   body: { model: 'gpt-5', messages },
   * })
   * response.json(summaryOf(await answer.json()))
   * ```
   */
  async call(context: RequestContext, asked: CallRequest): Promise<UpstreamAnswer> {
    const exchange = exchangeBehind(context)
    const limits = limitsOf(asked.timeout, 'call().timeout')
    const request = requestOfHandler(asked)
    const choice = this.#choiceFor(request.model)
    return call(exchange, { choice, request, limits, settings: this.#settings })
  }

  /**
   * Ends the connections that wait for another request, and the others when their request is over.
   * There can be no calls afterwards.
   */
  async close(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.connections.close()))
  }

  #choiceFor(model: string | undefined): ChannelChoice {
    const own = model === undefined ? undefined : this.#choices.get(model)
    const choice = own ?? this.#choices.get(anyOther)
    if (choice === undefined) throw noChannel()
    return choice
  }
}

function limitsOf(timeouts: UpstreamTimeouts | undefined, path: string): TimeLimits | undefined {
  return timeouts === undefined ? undefined : timeLimits(timeouts, path)
}

/**
 * Makes upstreams of a description of their channels.
 *
 * @throws ConfigurationError for the first mistake
 * @example
 * ```ts
 * const upstream = channels({
 *   models: {
 *     'gpt-5': [
 *       { name: 'openai', url: 'https://api.openai.com/v1', key: process.env['OPENAI_API_KEY'] },
 *     ],
 *   },
 * })
 * ```
 */
export function channels(options: UpstreamOptions): Upstream {
  const path = 'channels()'
  const { models } = checkOptions(upstreamSchema, options, path)
  const { retries = 1, maxAnswerBytes = 32 * 1_024 * 1_024 } = options
  const defaults = defaultsOf(options, path)
  const made = new Map<ChannelOptions, Channel>()
  const choices = new Map<string, ChannelChoice>()
  for (const model of Object.keys(models)) {
    // The objects as they were given: one that is given twice is one channel.
    const list = (options.models[model] ?? []).map((channel, index) => {
      const known = made.get(channel)
      if (known !== undefined) return known
      const at = `${path}.models[${JSON.stringify(model)}][${index}]`
      refuseSameName(channel.name, made, at)
      const channelMade = new Channel(channel, defaults, at)
      made.set(channel, channelMade)
      return channelMade
    })
    choices.set(model, new ChannelChoice(list))
  }
  const settings = { retries, maxAnswerBytes, drains: drainsOf(options, path) }
  return new Upstream(choices, [...made.values()], settings)
}

function defaultsOf(
  { timeout = {}, breaker = {} }: UpstreamOptions,
  path: string,
): ChannelDefaults {
  const { connect = '10s', firstByte = '2m', idle = '1m', total = '10m' } = timeout
  return {
    limits: timeLimits({ connect, firstByte, idle, total }, `${path}.timeout`),
    breaker: {
      failures: breaker.failures ?? 5,
      pauseMs: durationMs(breaker.pause ?? '10s', `${path}.breaker.pause`),
    },
  }
}

/** One object may serve several models; it is one channel then. */
function refuseSameName(
  name: string,
  made: ReadonlyMap<ChannelOptions, Channel>,
  path: string,
): void {
  for (const channel of made.values()) {
    if (channel.name !== name) continue
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_OPTION',
      `${path}.name`,
      `is ${JSON.stringify(name)}, as another channel's`,
      'Give each channel a name of its own, or the same object to several models.',
    )
  }
}

function drainsOf(
  { whenClientLeaves = 'abort' }: UpstreamOptions,
  path: string,
): Drains | undefined {
  if (whenClientLeaves === 'abort') return undefined
  const { atMost = 100, for: forTime = '30s' } = whenClientLeaves.drain
  return new Drains(atMost, durationMs(forTime, `${path}.whenClientLeaves.drain.for`))
}
