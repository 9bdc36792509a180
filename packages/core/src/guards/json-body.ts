import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import { modelInPath } from '../protocols/index.js'
import { redact } from '../lib/redact.js'

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

const withoutBody = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE'])

/** Longest model name looked at, in characters. */
const modelLength = 256

/**
 * The body as an object; undefined for methods that have none. What is priced must be what was
 * sent, so anything that is not a JSON object is refused.
 *
 * @throws GatewayError media_type_unsupported when no parser took the body, body_malformed when it
 * is null, text, a number or a list, body_unreadable when its charset is not UTF-8
 */
export function jsonBody(exchange: Exchange): JsonObject | undefined {
  if (withoutBody.has(exchange.method)) return undefined
  const body = exchange.body()
  // Of a type they do not know some parsers leave nothing, others an empty object or text.
  if (!isJsonObject(body) || isEmptyObject(body)) {
    const type = exchange.header('content-type')
    if (type !== undefined && !isJson(type)) throw new GatewayError('media_type_unsupported')
    // Where there was no body, too.
    if (body === undefined || !announcesBody(exchange)) {
      throw new GatewayError('body_malformed', { message: 'The request has no JSON body.' })
    }
  }
  refuseOtherCharset(exchange)
  if (!isJsonObject(body)) {
    throw new GatewayError('body_malformed', {
      message: 'The request body must be a JSON object.',
    })
  }
  return body
}

/**
 * The model a request asks for; undefined for methods without a body.
 *
 * @throws GatewayError parameter_missing, parameter_invalid or model_not_found, param `model`
 */
export function requestedModel(exchange: Exchange): string | undefined {
  if (exchange.model !== undefined) return exchange.model
  const body = jsonBody(exchange)
  if (body === undefined) return undefined
  const inPath = modelInPath(exchange.protocol, exchange.path)
  const model = inPath ?? (Object.hasOwn(body, 'model') ? body['model'] : undefined)
  if (model === undefined) {
    throw new GatewayError('parameter_missing', {
      message: "Missing required parameter: 'model'.",
      param: 'model',
    })
  }
  if (typeof model !== 'string' || model === '') {
    throw new GatewayError('parameter_invalid', {
      message: "Invalid 'model': it must be text.",
      param: 'model',
    })
  }
  if (model.length > modelLength) throw modelNotFound()
  exchange.model = model
  return model
}

/** The refusal for a model that is not there. */
export function modelNotFound(model?: string): GatewayError {
  return new GatewayError('model_not_found', {
    message: model === undefined ? undefined : `The model '${redact(model)}' does not exist.`,
    param: 'model',
  })
}

/** RFC 9112, section 6: a request has a body when one of these two headers says so. */
function announcesBody(exchange: Exchange): boolean {
  if (exchange.header('transfer-encoding') !== undefined) return true
  const length = exchange.header('content-length')
  return length !== undefined && Number(length) > 0
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmptyObject(value: JsonObject): boolean {
  return Object.keys(value).length === 0
}

/**
 * JSON is UTF-8 (RFC 8259, section 8.1). Some parsers go by the charset and some do not, so the same
 * bytes would be one body here and another one elsewhere.
 */
function refuseOtherCharset(exchange: Exchange): void {
  const type = exchange.header('content-type')
  const semicolon = type?.indexOf(';') ?? -1
  if (type === undefined || semicolon === -1) return
  for (const parameter of type.slice(semicolon + 1).split(';')) {
    const equals = parameter.indexOf('=')
    if (parameter.slice(0, equals).trim().toLowerCase() !== 'charset') continue
    const charset = parameter
      .slice(equals + 1)
      .replaceAll('"', '')
      .trim()
      .toLowerCase()
    if (charset !== 'utf-8' && charset !== 'utf8') throw new GatewayError('body_unreadable')
  }
}

function isJson(contentType: string): boolean {
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim()
  const lower = type.toLowerCase()
  return (
    lower === 'application/json' || (lower.startsWith('application/') && lower.endsWith('+json'))
  )
}
