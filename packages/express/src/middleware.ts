import type { Phase, Pipeline } from '@lazu/core'
import type { RequestHandler } from 'express'
import { exchangeFor } from './exchange.js'

/** A middleware that enters a pipeline's guards: those of one phase, or all of them. */
export function middleware(pipeline: Pipeline, phase?: Phase): RequestHandler {
  return (request, response, next) => {
    const entered = pipeline.enter(exchangeFor(request, response), phase)
    if (entered === true) next()
    else if (entered !== false) void entered.then((goOn) => (goOn ? next() : undefined))
  }
}
