import { plainPipeline, routeNotFound, type CommonOptions } from '@lazu/core'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { exchangeFor } from './exchange.js'

/**
 * Answers every error with the envelope. Mount it last: `app.use(lazuErrors())`. It does as much in
 * a server that uses nothing else of lazu.
 */
export function lazuErrors(options?: CommonOptions): ErrorRequestHandler {
  const { settings } = plainPipeline('lazuErrors', options)
  // Express knows an error handler by its four parameters.
  return (error, request, response, _next) => {
    const exchange = exchangeFor(request, response)
    exchange.adopt(settings)
    exchange.refuse(error)
  }
}

/** Answers what no route took. Mount it after the routes and before `lazuErrors()`. */
export function lazuNotFound(options?: CommonOptions): RequestHandler {
  const { settings } = plainPipeline('lazuNotFound', options)
  return (request, response) => {
    const exchange = exchangeFor(request, response)
    exchange.adopt(settings)
    exchange.refuse(routeNotFound(exchange.method, exchange.path))
  }
}
