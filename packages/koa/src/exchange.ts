import type { ServerResponse } from 'node:http'
import { exchangeOf, NodeExchange, type Reply } from '@lazu/core'
import type { ParameterizedContext } from 'koa'
import './context.js'

class KoaExchange extends NodeExchange {
  readonly #context: ParameterizedContext

  constructor(context: ParameterizedContext) {
    super(context.req, context.res, context.originalUrl)
    this.#context = context
  }

  /** What `@koa/bodyparser` or `koa-bodyparser` parsed. */
  override body(): unknown {
    return Reflect.get(this.#context.request, 'body')
  }

  /** Sets status and body, so that middlewares before ours see the answer as any other. */
  protected override send(reply: Reply): void {
    // Taken over before: Koa answers nothing any more.
    if (this.#context.respond === false) {
      super.sendNow(reply)
      return
    }
    this.#context.status = reply.status
    this.#context.set(reply.headers)
    this.#context.body = reply.body
  }

  override takeOver(): ServerResponse {
    this.#context.respond = false
    return super.takeOver()
  }

  /** Writes past Koa, which has not come back from the handler, or never will. */
  protected override sendNow(reply: Reply): void {
    this.#context.respond = false
    super.sendNow(reply)
  }

  /**
   * Koa's users look at `app.on('error')`. Where nobody does Koa's own listener would print the
   * error as it is, with whatever secrets are in it.
   */
  protected override reportByDefault(fields: object, message: string, cause: unknown): void {
    const { app } = this.#context
    if (app.silent) return
    const ofUser = app.listeners('error').some((listener) => listener !== app.onerror)
    if (cause instanceof Error && ofUser) {
      app.emit('error', cause, this.#context)
    } else {
      super.reportByDefault(fields, message, cause)
    }
  }
}

/** The exchange of a request; made by the first of our middlewares that sees it. */
export function exchangeFor(context: ParameterizedContext): NodeExchange {
  const known = exchangeOf(context.req)
  if (known !== undefined) return known
  const exchange = new KoaExchange(context)
  context.lazu = exchange
  return exchange
}
