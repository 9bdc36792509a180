import { z } from 'zod'
import { Events } from './events.js'
import type { Clock } from './lib/clock.js'
import type { Logger } from './lib/logger.js'
import { createClientAddressResolver, type ClientAddressResolver } from './net/client-address.js'

/** Options every guard takes, and the preset. */
export interface CommonOptions {
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

/** The shape of the common options, to be part of each guard's own schema. */
export const commonShape = {
  trustProxies: z.union([z.number(), z.array(z.string()).readonly()]).optional(),
  logger: z
    .custom<Logger>(hasMethods('error', 'warn'), 'Give an object with error() and warn(), as pino')
    .optional(),
  events: z.instanceof(Events, { error: 'Give what createEvents() returned' }).optional(),
  clock: z.custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock').optional(),
} satisfies Record<keyof CommonOptions, z.ZodType>

/** A check that a value is an object with these methods. */
export function hasMethods(...names: string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function')
}

/**
 * What a middleware of ours brings to a request. Members left out are left as an earlier
 * middleware of ours set them, so that `lazuErrors()` goes by what the gateway before it was told.
 */
export interface Settings {
  readonly resolveAddress: ClientAddressResolver | undefined
  readonly logger: Logger | undefined
  readonly events: Events | undefined
  readonly clock: Clock | undefined
}

/**
 * Settings from options that were checked already.
 *
 * @throws ConfigurationError for proxies that cannot be trusted like this
 */
export function createSettings(options: CommonOptions, path: string): Settings {
  return {
    resolveAddress:
      options.trustProxies === undefined
        ? undefined
        : createClientAddressResolver(options.trustProxies, `${path}.trustProxies`),
    logger: options.logger,
    events: options.events,
    clock: options.clock,
  }
}
