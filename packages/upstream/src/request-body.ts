import { GatewayError, type JsonObject } from '@lazu/core'

/** A body for an upstream. */
export interface RequestBody {
  readonly bytes: Buffer
  /** Whether its stream is asked for a usage that the client did not ask for. */
  readonly asksUsage: boolean
}

/** What of a body depends on the channel. */
export interface BodyChanges {
  /** What the upstream calls the model; undefined: as the client does. */
  readonly model: string | undefined
  /** Whether a stream is to be asked for its usage. */
  readonly askUsage: boolean
}

/**
 * A body as the upstream gets it.
 *
 * @throws GatewayError body_malformed when it is nested too deeply to be written
 */
export function requestBody(body: JsonObject, { model, askUsage }: BodyChanges): RequestBody {
  const asksUsage = askUsage && body['stream'] === true && !hasUsageAsked(body)
  const named = model === undefined ? body : { ...body, model }
  const changed = asksUsage
    ? { ...named, stream_options: { ...optionsOf(body), include_usage: true } }
    : named
  try {
    return { bytes: Buffer.from(JSON.stringify(changed)), asksUsage }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new GatewayError('body_malformed', {
      message: 'The request body is nested too deeply.',
    })
  }
}

function hasUsageAsked(body: JsonObject): boolean {
  const options: { include_usage?: unknown } = optionsOf(body)
  return options.include_usage === true
}

function optionsOf(body: JsonObject): object {
  const options = Object.hasOwn(body, 'stream_options') ? body['stream_options'] : undefined
  return typeof options === 'object' && options !== null ? options : {}
}
