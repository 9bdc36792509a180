import { GatewayError } from '@lazu/core'
import type { Channel } from './channel.js'

/** Something in a list that is shared out by weight. */
interface Share {
  readonly channel: Channel
  /** What it has been owed since it last got a request. */
  credit: number
}

/** The channels of a model, and whose turn it is. */
export class ChannelChoice {
  readonly #shares: readonly Share[]

  constructor(channels: readonly Channel[]) {
    this.#shares = channels.map((channel) => ({ channel, credit: 0 }))
  }

  /**
   * The channel for a request.
   *
   * @param lane the key's; channels without a lane serve every lane, and a key without one takes all
   * @throws GatewayError no_channel, channel_key_missing, or channels_exhausted with the time until one
   * is tried again
   */
  first(lane: string | undefined, nowMs: number): Channel {
    const ofLane = this.#shares.filter(({ channel }) => serves(channel, lane))
    if (ofLane.length === 0) throw noChannel()
    const usable = ofLane.filter(({ channel }) => channel.hasKey)
    if (usable.length === 0) {
      const cause = new Error(`channel "${ofLane[0]?.channel.name}": its key is missing`)
      throw new GatewayError('channel_key_missing', { cause })
    }
    const channel = pick(usable, nowMs)
    if (channel !== undefined) return channel
    const waitsMs = usable.map((share) => share.channel.breaker.waitMs(nowMs))
    throw new GatewayError('channels_exhausted', { retryAfterMs: Math.min(...waitsMs) })
  }

  /** Another channel for a request that others failed; undefined when there is none. */
  another(lane: string | undefined, nowMs: number, tried: readonly Channel[]): Channel | undefined {
    const untried = this.#shares.filter(
      ({ channel }) => serves(channel, lane) && channel.hasKey && !tried.includes(channel),
    )
    return pick(untried, nowMs)
  }
}

/** The refusal where nothing is configured. */
export function noChannel(): GatewayError {
  return new GatewayError('no_channel')
}

function serves(channel: Channel, lane: string | undefined): boolean {
  return lane === undefined || channel.lane === undefined || channel.lane === lane
}

/** A channel that lets a request through; one that is busy only where no other does. */
function pick(shares: readonly Share[], nowMs: number): Channel | undefined {
  const open = shares.filter(({ channel }) => channel.breaker.waitMs(nowMs) === 0)
  const idle = open.filter(({ channel }) => !channel.breaker.isBusy(nowMs))
  return byWeight(idle.length > 0 ? idle : open)
}

/**
 * Whose turn it is. Each is owed its weight at every turn, and whoever is owed most is taken and pays
 * for all: of weights 2 and 1 the turns are A B A, not a matter of luck.
 */
function byWeight(shares: readonly Share[]): Channel | undefined {
  let next: Share | undefined
  let total = 0
  for (const share of shares) {
    total += share.channel.weight
    share.credit += share.channel.weight
    if (next === undefined || share.credit > next.credit) next = share
  }
  if (next === undefined) return undefined
  next.credit -= total
  return next.channel
}
