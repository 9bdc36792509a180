import {
  GatewayError,
  jsonBody,
  modelInPath,
  protocolOf,
  requestedModel,
  routeNotFound,
  type Exchange,
  type JsonObject,
  type Protocol,
} from '@lazu/core'
import type { Channel } from './channel.js'
import { endpointOf, isPlainPath, pathAt, queryToPassOn, withModelInPath } from './endpoint.js'
import { requestBody } from './request-body.js'
import { headersOfClient, keyHeader, type RequestHeaders } from './request-headers.js'

/** A request to whichever channel serves it. */
export interface UpstreamRequest {
  readonly method: string
  readonly protocol: Protocol
  /** The path from its version on: `/v1/chat/completions`. */
  readonly endpoint: string
  /** With its `?`; empty when there is none. */
  readonly query: string
  /** The model that was asked for, which says whose channels it is for. */
  readonly model: string | undefined
  readonly body: JsonObject | undefined
  /** What of the client's headers goes along. */
  readonly headers: RequestHeaders
}

/** The same as one channel gets it. */
export interface ChannelRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer | null
  /** Whether the usage of the stream was asked for by us, and is to be taken out of it. */
  readonly hidesUsage: boolean
}

/** What a handler asks for by itself. */
export interface HandlerRequest {
  readonly path: string
  readonly method?: string | undefined
  readonly body?: JsonObject | undefined
  readonly model?: string | undefined
}

const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * A client's request as it is passed on.
 *
 * @param model whose channels it is for; unless given the model it names
 * @throws GatewayError route_not_found for a path or a query that no API has, method_not_allowed, and
 * those of a body that is no JSON object or names no model
 */
export function requestOf(exchange: Exchange, model: string | undefined): UpstreamRequest {
  const { method, path } = exchange
  refuseOtherMethods(method)
  const query = queryToPassOn(exchange.query)
  if (query === undefined || !isPlainPath(path)) throw routeNotFound(method, path)
  const endpoint = endpointOf(path)
  return {
    method,
    protocol: protocolFor(endpoint, exchange.protocol),
    endpoint,
    query,
    model: model ?? requestedModel(exchange),
    body: jsonBody(exchange),
    headers: headersOfClient(exchange),
  }
}

/**
 * A request of a handler's own.
 *
 * @throws GatewayError method_not_allowed, or route_not_found for a path that no API has: it may be made
 * of what a client sent
 */
export function requestOfHandler(asked: HandlerRequest): UpstreamRequest {
  const { body, method = body === undefined ? 'GET' : 'POST' } = asked
  const question = asked.path.indexOf('?')
  const path = question === -1 ? asked.path : asked.path.slice(0, question)
  const query = queryToPassOn(question === -1 ? '' : asked.path.slice(question + 1))
  refuseOtherMethods(method)
  if (query === undefined || !isPlainPath(path)) throw routeNotFound(method, path)
  const endpoint = endpointOf(path)
  const protocol = protocolFor(endpoint, protocolOf(path))
  const named = body?.['model']
  const model =
    asked.model ?? modelInPath(protocol, path) ?? (typeof named === 'string' ? named : undefined)
  return { method, protocol, endpoint, query, model, body, headers: {} }
}

function refuseOtherMethods(method: string): void {
  if (methods.has(method)) return
  throw new GatewayError('method_not_allowed', { headers: { allow: [...methods].join(', ') } })
}

/** An endpoint says more than the path it stands behind, unless it looks like the usual protocol's. */
export function protocolFor(endpoint: string, protocol: Protocol): Protocol {
  const ofEndpoint = protocolOf(endpoint)
  return ofEndpoint === 'openai' ? protocol : ofEndpoint
}

/**
 * A request as a channel gets it.
 *
 * @throws GatewayError channel_mapping_failed, or body_malformed for what is nested too deeply
 */
export function requestTo(channel: Channel, request: UpstreamRequest): ChannelRequest {
  const { method, protocol, query, body } = request
  const model = request.model === undefined ? undefined : channel.mappedModel(request.model)
  const inPath = modelInPath(protocol, request.endpoint)
  const endpoint =
    model === undefined || inPath === undefined
      ? request.endpoint
      : withModelInPath(request.endpoint, inPath, model)
  const isUnplaced =
    model !== undefined && inPath === undefined && body !== undefined && !hasModel(body)
  if (endpoint === undefined || isUnplaced) {
    throw channel.mappingFailed('the request has no place for the model')
  }

  const headers: Record<string, string> = { 'accept-encoding': 'identity', ...request.headers }
  if (typeof channel.key === 'string') Object.assign(headers, keyHeader(protocol, channel.key))
  Object.assign(headers, channel.headers)
  const path = (pathAt(channel.basePath, endpoint, protocol) || '/') + query
  if (body === undefined) return { method, path, headers, body: null, hidesUsage: false }

  headers['content-type'] = 'application/json'
  const { bytes, asksUsage } = requestBody(body, {
    model: inPath === undefined ? model : undefined,
    askUsage: channel.askUsage && protocol === 'openai' && endpoint.endsWith('/chat/completions'),
  })
  return { method, path, headers, body: bytes, hidesUsage: asksUsage }
}

function hasModel(body: JsonObject): boolean {
  return Object.hasOwn(body, 'model')
}
