import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { GatewayOptions, RequestLog } from '@lazu/core'
import { inventedHops } from './addresses.js'
import type { NotSent, RouteSeen, Seen } from './examination.js'
import { hasBody, isTried, probeBody, probePath, refusesProbe, type Route } from './probe-plan.js'
import { probe, type Answer, type Outcome, type ProbeRequest } from './probe.js'

/** The server to examine, and what is known of it. */
export interface ServerToExamine {
  readonly url: URL
  /** Whether somebody named it for this examination. */
  readonly isExpected: boolean
  readonly routes: readonly Route[]
  /** Its options; undefined when the configuration cannot be used. */
  readonly gateway: GatewayOptions | undefined
  /** Undefined when there is none, or it does not answer. */
  readonly requestLog: RequestLog | undefined
  /** A key that may be used for probes. */
  readonly apiKey: string | undefined
}

const deadlineMs = 5_000
const unsentDeadlineMs = 2_000
const unsentBytes = 100_000_000

/** The request log notes at most ten requests without a key in a second. */
const betweenStrangersMs = 110

/** Sends the probes, one after the other. */
export class Prober {
  readonly #server: ServerToExamine
  /** Why no more probes are sent with the key. */
  #keyIsOut: string | undefined

  constructor(server: ServerToExamine) {
    this.#server = server
    if (server.apiKey === undefined) this.#keyIsOut = 'LAZU_KEY is not set.'
  }

  /** Asks for a path nobody can have. */
  unknownPath(): Promise<Outcome> {
    const path = `/lazu-doctor-${randomBytes(6).toString('hex')}`
    return this.#send({ method: 'GET', path, deadlineMs })
  }

  /** Comes without a key, and says that it comes from elsewhere. */
  spoofed(route: Route): Promise<Seen> {
    return this.#sendAsStranger(route, { 'x-forwarded-for': inventedHops })
  }

  /** Sends a route all there is to send it. */
  async route(route: Route): Promise<RouteSeen> {
    if (!isTried(route)) return untried(route)
    return {
      route: route.name,
      withoutKey: await this.#sendAsStranger(route, {}),
      unsentBody: hasBody(route) ? await this.#sendUnsent(route) : withoutBody,
      unknownModel: await this.#sendWithKey(route, probeBody),
      brokenJson: await this.#sendWithKey(route, `${probeBody.slice(0, -1)},`),
    }
  }

  async #sendAsStranger(route: Route, headers: Readonly<Record<string, string>>): Promise<Seen> {
    await wait(betweenStrangersMs)
    const { method } = route
    const body = hasBody(route) ? '{}' : undefined
    const path = probePath(route)
    const allHeaders = body === undefined ? headers : { ...headers, ...json }
    const outcome = await this.#send({ method, path, headers: allHeaders, body, deadlineMs })
    return { kind: 'sent', outcome, record: undefined }
  }

  async #sendUnsent(route: Route): Promise<Seen> {
    await wait(betweenStrangersMs)
    const outcome = await this.#send({
      method: route.method,
      path: probePath(route),
      headers: json,
      unsentBytes,
      deadlineMs: unsentDeadlineMs,
    })
    return { kind: 'sent', outcome, record: undefined }
  }

  async #sendWithKey(route: Route, body: string): Promise<Seen | NotSent> {
    const { apiKey, gateway } = this.#server
    if (!hasBody(route)) return withoutBody
    if (apiKey === undefined || this.#keyIsOut !== undefined) {
      return { kind: 'not_sent', reason: this.#keyIsOut ?? '' }
    }
    if (gateway === undefined || !refusesProbe(gateway, route)) return nothingRefuses
    const outcome = await this.#send({
      method: route.method,
      path: probePath(route),
      headers: { ...json, authorization: `Bearer ${apiKey}` },
      body,
      deadlineMs,
    })
    // Whoever goes on with a bad key is told to wait, and others behind the same address with it.
    if (outcome.kind === 'answer' && [401, 403, 429].includes(outcome.status)) {
      this.#keyIsOut = `The server answers ${outcome.status} to LAZU_KEY.`
    }
    return { kind: 'sent', outcome, record: undefined }
  }

  async #send(request: ProbeRequest): Promise<Outcome> {
    const outcome = await probe(this.#server.url, request)
    return outcome.kind === 'answer' ? this.#withoutKey(outcome) : outcome
  }

  /** The answer with the key taken out: a server may send back what it was sent. */
  #withoutKey(answer: Answer): Answer {
    const { apiKey } = this.#server
    if (apiKey === undefined) return answer
    const clean = (text: string): string => text.replaceAll(apiKey, '[LAZU_KEY]')
    const headers = Object.entries(answer.headers).map(([name, value]) => [name, clean(value)])
    return { ...answer, headers: Object.fromEntries(headers), body: clean(answer.body) }
  }
}

function untried({ name, method }: Route): RouteSeen {
  const reason = `A route that is not guarded would carry out a ${method}, so none is sent.`
  const notSent: NotSent = { kind: 'not_sent', reason }
  return {
    route: name,
    withoutKey: notSent,
    unsentBody: notSent,
    unknownModel: notSent,
    brokenJson: notSent,
  }
}

const json = { 'content-type': 'application/json' }

const withoutBody: NotSent = {
  kind: 'not_sent',
  reason: 'The requests of this route have no body, so no harmless one gets past the key.',
}

const nothingRefuses: NotSent = {
  kind: 'not_sent',
  reason:
    'Nothing in the configuration (models, prices, validate) would refuse a probe before the handler.',
}
