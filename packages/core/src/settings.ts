import { z } from 'zod'
import type { Dialect } from './dialects/dialect.js'
import { checkDialect } from './dialects/check-dialect.js'
import { dialectOf, dialects, type DialectName } from './dialects/index.js'
import type { GatewayError, Hints } from './errors/gateway-error.js'
import type { Exchange } from './exchange.js'
import type { ProtocolOption } from './protocols/index.js'
import { Events } from './events.js'
import type { Clock } from './lib/clock.js'
import { hasMethods } from './lib/has-methods.js'
import type { Logger } from './lib/logger.js'
import { createClientAddressResolver, type ClientAddressResolver } from './net/client-address.js'

/** Options every guard takes, and the preset. */
export interface CommonOptions {
  /** Whose words errors are told in: a dialect's name, or one made by `defineDialect`; `lazu` unless given. */
  dialect?: DialectName | Dialect | undefined
  /**
   * Which protocol's envelope errors come in. Left out: as the dialect does. `'native'`: the route's
   * own (`/v1/messages` and `/anthropic/*` are Anthropic's, `/v1beta/*` and `/gemini/*` Gemini's, all
   * else OpenAI's). A name: always that one. A function: the API family of each request.
   */
  protocol?: ProtocolOption | undefined
  /** Whether errors carry hints (`hint`, `did_you_mean`, `retryable`, ...). Left out: as the dialect does. */
  hints?: boolean | undefined
  /** Whether a client that asks for `application/problem+json` (RFC 9457) gets it. No SDK can read it. */
  problemJson?: boolean | undefined
  /** Whether the standard `RateLimit` and `RateLimit-Policy` fields are sent, too. */
  rateLimitFields?: boolean | undefined
  /**
   * Which proxies in front of this server may say who the caller is, in X-Forwarded-For: their
   * networks, or how many of them there are. Left out: none, the caller is who connects.
   *
   * @example `['10.0.0.0/8']`, `1`
   */
  trustProxies?: number | readonly string[] | undefined
  /** Where failures are logged. Left out: the framework's own way. Any pino logger fits. */
  logger?: Logger | undefined
  /** The event stream to tell what happens. */
  events?: Events | undefined
  /** The time, for tests. */
  clock?: Clock | undefined
}

function isDialectName(value: unknown): boolean {
  return typeof value === 'string' && Object.hasOwn(dialects, value)
}

/** What is in it is checked apart, so that a mistake is told by its own path. */
function isDialect(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'answers' in value
}

/** The shape of the common options, to be part of each guard's own schema. */
export const commonShape = {
  dialect: z
    .union([z.custom<DialectName>(isDialectName), z.custom<Dialect>(isDialect)], {
      error: `Give one of ${Object.keys(dialects).join(', ')}, or what defineDialect() returned`,
    })
    .optional(),
  protocol: z
    .union(
      [
        z.enum(['openai', 'anthropic', 'gemini', 'native']),
        z.custom<Exclude<ProtocolOption, string>>((value) => typeof value === 'function'),
      ],
      { error: "Give 'openai', 'anthropic', 'gemini', 'native' or a function" },
    )
    .optional(),
  hints: z.boolean().optional(),
  problemJson: z.boolean().optional(),
  rateLimitFields: z.boolean().optional(),
  trustProxies: z.union([z.number(), z.array(z.string()).readonly()]).optional(),
  logger: z
    .custom<Logger>(hasMethods('error', 'warn'), 'Give an object with error() and warn(), as pino')
    .optional(),
  events: z.instanceof(Events, { error: 'Give what createEvents() returned' }).optional(),
  clock: z.custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock').optional(),
} satisfies Record<keyof CommonOptions, z.ZodType>

/** How a server speaks, as far as it was told. */
export interface Speech {
  readonly dialect: Dialect | undefined
  readonly protocol: ProtocolOption | undefined
  readonly hints: boolean | undefined
  readonly problemJson: boolean | undefined
  readonly rateLimitFields: boolean | undefined
}

/**
 * What a middleware of ours brings to a request. Members left out are left as an earlier
 * middleware of ours set them, so that `lazuErrors()` goes by what the gateway before it was told.
 */
export interface Settings {
  readonly speech: Speech | undefined
  /** What may be suggested to a caller about an error. */
  readonly suggest: ((error: GatewayError, exchange: Exchange) => Hints) | undefined
  readonly resolveAddress: ClientAddressResolver | undefined
  readonly logger: Logger | undefined
  readonly events: Events | undefined
  readonly clock: Clock | undefined
}

/**
 * Settings from options that were checked already.
 *
 * @throws ConfigurationError for a dialect that has a mistake in it, and for proxies that cannot be
 * trusted like this
 */
export function createSettings(
  options: CommonOptions,
  path: string,
  suggest?: Settings['suggest'],
): Settings {
  return {
    speech: speechOf(options, path),
    suggest,
    resolveAddress:
      options.trustProxies === undefined
        ? undefined
        : createClientAddressResolver(options.trustProxies, `${path}.trustProxies`),
    logger: options.logger,
    events: options.events,
    clock: options.clock,
  }
}

function speechOf(options: CommonOptions, path: string): Speech | undefined {
  const { dialect, protocol, hints, problemJson, rateLimitFields } = options
  const given = dialect ?? protocol ?? hints ?? problemJson ?? rateLimitFields
  if (given === undefined) return undefined
  return {
    dialect:
      dialect === undefined ? undefined : checkDialect(dialectOf(dialect), `${path}.dialect`),
    protocol,
    hints,
    problemJson,
    rateLimitFields,
  }
}
