import { Readable } from 'node:stream'
import {
  plainPipeline,
  relayStream,
  routeNotFound,
  type CommonOptions,
  type NodeExchange,
} from '@lazu/core'
import type { Middleware, ParameterizedContext } from 'koa'
import { exchangeFor } from './exchange.js'

/**
 * Answers every error with the envelope, also a 404 and whatever has an error status and no body.
 * Mount it first: `app.use(lazuErrors())`. It does as much in a server that uses nothing else of
 * lazu.
 */
export function lazuErrors(options?: CommonOptions): Middleware {
  const { settings } = plainPipeline('lazuErrors', options)
  return async (context, next) => {
    const exchange = exchangeFor(context)
    exchange.adopt(settings)
    exchange.announceRequestId()
    context.onerror = refuseLate
    try {
      await next()
    } catch (error) {
      exchange.refuse(error)
      return
    }
    afterwards(context, exchange)
  }
}

/**
 * What Koa calls for that which fails after the middlewares: a body that is no JSON, a stream. Its own
 * answers in plain text and takes all headers off.
 *
 * One function for all contexts: with one of each request's own V8 let go of no request before it had
 * looked through the whole heap, and lazu added half as much again on Koa.
 *
 * @param error nothing, when the response is over and nothing failed
 */
function refuseLate(this: ParameterizedContext, error: Error | null | undefined): void {
  if (error !== null && error !== undefined) exchangeFor(this).refuseNow(error)
}

function afterwards(context: ParameterizedContext, exchange: NodeExchange): void {
  const { body, status } = context
  const isEmpty = body === null || body === undefined
  if (exchange.interrupted) {
    if (!isEmpty) exchange.lateWrite()
    return
  }
  if (exchange.answered || context.respond === false || context.headerSent) return
  if (isEmpty) {
    if (status === 404) exchange.refuse(routeNotFound(exchange.method, exchange.path))
    else if (status >= 400) exchange.refuse(withoutBody(status))
    return
  }
  const source = readableOf(body)
  if (source !== undefined) relay(source, context, exchange)
}

function withoutBody(status: number): Error {
  return Object.assign(new Error(`a response with the status ${status} and no body`), { status })
}

/** Koa cuts off a response whose stream fails, even before anything was sent. */
function relay(source: Readable, context: ParameterizedContext, exchange: NodeExchange): void {
  const length = context.res.getHeader('content-length')
  context.body = relayStream(source, exchange, (error) => exchange.refuseNow(error))
  // Another body takes it off.
  if (length !== undefined) context.res.setHeader('content-length', length)
}

function readableOf(body: unknown): Readable | undefined {
  if (body instanceof Readable) return body
  if (body instanceof ReadableStream) return Readable.from(body)
  return body instanceof Response && body.body !== null ? Readable.from(body.body) : undefined
}

/** Answers what no route took. Mount it after the routes. */
export function lazuNotFound(options?: CommonOptions): Middleware {
  const { settings } = plainPipeline('lazuNotFound', options)
  return (context) => {
    const exchange = exchangeFor(context)
    exchange.adopt(settings)
    exchange.refuse(routeNotFound(exchange.method, exchange.path))
    return Promise.resolve()
  }
}
