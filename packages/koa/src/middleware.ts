import type { Phase, Pipeline } from '@lazu/core'
import type { Middleware } from 'koa'
import { exchangeFor } from './exchange.js'

/** A middleware that enters a pipeline's guards: those of one phase, or all of them. */
export function middleware(pipeline: Pipeline, phase?: Phase): Middleware {
  return (context, next) => {
    const entered = pipeline.enter(exchangeFor(context), phase)
    if (entered === true) return next()
    if (entered === false) return Promise.resolve()
    return entered.then((goOn) => (goOn ? next() : undefined))
  }
}
