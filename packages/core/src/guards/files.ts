import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import { ConfigurationError } from '../lib/configuration-error.js'
import { checkOptions } from '../lib/options.js'
import { redact } from '../lib/redact.js'
import type { Guard } from '../pipeline.js'
import { ownField } from '../quota/own-field.js'

const megabyte = 1_048_576

/** What files are taken for a purpose. */
export interface FilePurpose {
  /** The largest file, in bytes. */
  maxBytes: number
  /** The media types taken, such as `image/png`; left out: all. They are what the client says. */
  types?: readonly string[] | undefined
  /** The extensions of file names taken, such as `png`; left out: all. */
  extensions?: readonly string[] | undefined
}

/** What a parser has found of an upload. Whatever a caller sent may stand here. */
export interface Upload {
  /** What the file is for. */
  purpose?: unknown
  /** The file's name. */
  filename?: unknown
  /** The file's media type. */
  mediaType?: unknown
  /** The file's size. Left out: the request's Content-Length decides. */
  bytes?: unknown
}

/** What uploads must be like. */
export interface FilesOptions {
  /** The purposes files are taken for, by name. */
  purposes: Readonly<Record<string, FilePurpose>>
  /**
   * Says what the framework's parser has found; undefined when there was no file. Left out: the
   * purpose is the parsed body's `purpose`, and nothing is known of types and names.
   */
  upload?: ((exchange: Exchange) => Upload | undefined) | undefined
}

/** The purposes of the default gateway: any file up to 512 MB, and images up to 20 MB. */
export const defaultFilePurposes: Readonly<Record<'user_data' | 'vision', FilePurpose>> = {
  user_data: { maxBytes: 512 * megabyte },
  vision: {
    maxBytes: 20 * megabyte,
    types: ['image/png', 'image/jpeg', 'image/gif', 'image/webp'],
  },
}

const mediaType = z
  .string()
  .regex(
    /^[a-z0-9]+\/[a-z0-9!#$&^_.+-]+$/,
    "Write a media type in lower case, without parameters: 'image/png'",
  )
const extension = z
  .string()
  .regex(/^[a-z0-9]+$/, "Write an extension in lower case, without its dot: 'png'")

const filesSchema = z.strictObject({
  purposes: z
    .record(
      z.string().min(1),
      z.strictObject({
        maxBytes: z.int().positive(),
        types: z.array(mediaType).nonempty().readonly().optional(),
        extensions: z.array(extension).nonempty().readonly().optional(),
      }),
    )
    .refine((purposes) => Object.keys(purposes).length > 0, {
      error: 'Name at least one purpose: { user_data: { maxBytes: 536_870_912 } }',
    }),
  upload: z
    .custom<NonNullable<FilesOptions['upload']>>(
      (value) => typeof value === 'function',
      'Give a function that takes the exchange and returns { purpose, filename, mediaType, bytes }',
    )
    .optional(),
})

/** What a request has around its file: boundaries, other fields. */
const aroundFileBytes = 65_536

/** Longest text of a caller that a message repeats, in characters. */
const shownLength = 80

const uploadMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

interface Purpose extends FilePurpose {
  readonly name: string
}

/**
 * Two guards for the route that takes uploads. The first runs before the body is read, and refuses
 * unread what is larger than any purpose allows; the second goes by what the parser has found:
 * purpose, size, media type, extension. Other methods than POST, PUT and PATCH pass.
 *
 * An upload that does not announce its length is measured by the parser only: give the parser a
 * limit of its own.
 *
 * @throws ConfigurationError for a mistake in the options
 *
 * @example
 * ```ts
 * const [announced, parsed] = filesGuards({
 *   purposes: { user_data: { maxBytes: 20_000_000, extensions: ['pdf', 'txt'] } },
 *   upload: (exchange) => whatTheParserFound(exchange),
 * })
 * app.post('/v1/files', lazuGuard(announced), parseMultipart, lazuGuard(parsed), handler)
 * ```
 */
export function filesGuards(options: FilesOptions): [head: Guard, body: Guard] {
  const path = 'filesGuards()'
  const { purposes, upload = purposeOfBody } = checkOptions<FilesOptions>(
    filesSchema,
    options,
    path,
  )
  if (options.upload === undefined) requireNoDetails(purposes, path)
  const byName = new Map<string, Purpose>()
  for (const [name, purpose] of Object.entries(purposes)) byName.set(name, { ...purpose, name })
  const largest = Math.max(...Object.values(purposes).map(({ maxBytes }) => maxBytes))
  return [
    {
      name: 'file-length',
      phase: 'head',
      enter(exchange) {
        if (uploadMethods.has(exchange.method)) refuseLonger(exchange, largest)
      },
    },
    {
      name: 'files',
      phase: 'body',
      enter(exchange) {
        if (!uploadMethods.has(exchange.method)) return
        const found = upload(exchange)
        if (found === undefined) throw missing('file')
        const purpose = purposeOf(found.purpose, byName)
        checkSize(found.bytes, purpose, exchange)
        checkType(found.mediaType, purpose)
        checkExtension(found.filename, purpose)
      },
    },
  ]
}

/** The upload as far as every framework shows it: the fields of the parsed body. */
function purposeOfBody(exchange: Exchange): Upload {
  const body = exchange.body()
  if (typeof body !== 'object' || body === null) return {}
  return { purpose: ownField(body, 'purpose') }
}

/** Types and extensions that nothing could be compared with would refuse every file. */
function requireNoDetails(purposes: FilesOptions['purposes'], path: string): void {
  for (const [name, { types, extensions }] of Object.entries(purposes)) {
    if (types === undefined && extensions === undefined) continue
    throw new ConfigurationError(
      'LAZU_CONFIG_MISSING_OPTION',
      `${path}.upload`,
      `is missing, and the ${types === undefined ? 'extensions' : 'types'} of ${JSON.stringify(name)} need it`,
      'Give a function that takes the exchange and returns { purpose, filename, mediaType, bytes }.',
    )
  }
}

function purposeOf(name: unknown, purposes: ReadonlyMap<string, Purpose>): Purpose {
  if (name === undefined || name === null || name === '') throw missing('purpose')
  if (typeof name !== 'string') {
    throw new GatewayError('parameter_invalid', {
      message: "Invalid 'purpose': it must be text.",
      param: 'purpose',
    })
  }
  const purpose = purposes.get(name)
  if (purpose !== undefined) return purpose
  throw new GatewayError('purpose_not_supported', {
    message: `The purpose ${shown(name)} is not supported. Use ${list(purposes.keys())}.`,
    param: 'purpose',
  })
}

/** Content-Length decides where the size is not known; what is no size at all is refused. */
function checkSize(bytes: unknown, { maxBytes }: Purpose, exchange: Exchange): void {
  if (bytes === undefined || bytes === null) {
    refuseLonger(exchange, maxBytes)
    return
  }
  // Not `bytes < 0`, which NaN is not.
  if (typeof bytes !== 'number' || !(bytes >= 0)) {
    throw new GatewayError('parameter_invalid', {
      message: "Invalid 'file': its size must be a number of bytes.",
      param: 'file',
    })
  }
  if (bytes > maxBytes) throw tooLarge(maxBytes)
}

function checkType(type: unknown, { name, types }: Purpose): void {
  if (types === undefined) return
  const essence = typeof type === 'string' ? essenceOf(type) : undefined
  if (essence !== undefined && types.includes(essence)) return
  throw new GatewayError('value_invalid', {
    message: `Invalid 'file': for the purpose ${shown(name)} its type must be ${list(types)}.`,
    param: 'file',
  })
}

function checkExtension(filename: unknown, { name, extensions }: Purpose): void {
  if (extensions === undefined) return
  const dot = typeof filename === 'string' ? filename.lastIndexOf('.') : -1
  if (typeof filename === 'string' && dot !== -1) {
    if (extensions.includes(filename.slice(dot + 1).toLowerCase())) return
  }
  throw new GatewayError('value_invalid', {
    message: `Invalid 'file': for the purpose ${shown(name)} its name must end with ${list(extensions)}.`,
    param: 'file',
  })
}

/** Refuses a request whose announced length leaves no doubt that its file is too large. */
function refuseLonger(exchange: Exchange, maxBytes: number): void {
  const length = exchange.header('content-length')
  if (length !== undefined && Number(length) > maxBytes + aroundFileBytes) throw tooLarge(maxBytes)
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('file_too_large', {
    message: `The file is too large. The limit is ${sizeText(maxBytes)}.`,
    param: 'file',
  })
}

function missing(param: string): GatewayError {
  return new GatewayError('parameter_missing', {
    message: `Missing required parameter: '${param}'.`,
    param,
  })
}

/** A media type without its parameters: `image/png` of `Image/PNG; q=1`. */
function essenceOf(type: string): string {
  const semicolon = type.indexOf(';')
  return (semicolon === -1 ? type : type.slice(0, semicolon)).trim().toLowerCase()
}

function sizeText(bytes: number): string {
  return bytes % megabyte === 0 ? `${bytes / megabyte} MB` : `${bytes} bytes`
}

function shown(name: string): string {
  return `'${redact(name.slice(0, shownLength))}'`
}

function list(names: Iterable<string>): string {
  return [...names].map((name) => `'${name}'`).join(' or ')
}
