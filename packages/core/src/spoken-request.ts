import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dialect } from './dialects/dialect.js'
import { lazu } from './dialects/lazu.js'
import type { Protocol } from './exchange.js'
import { systemClock, type Clock } from './lib/clock.js'
import { redact } from './lib/redact.js'
import { formatAddress, type Address } from './net/address.js'
import { createClientAddressResolver, type ClientAddressResolver } from './net/client-address.js'
import { splitTarget, type Target } from './net/target.js'
import { formatFor, protocolOf, type ProtocolOption } from './protocols/index.js'
import type { ProtocolFormat } from './protocols/protocol-format.js'
import { newRequestId } from './request-ids.js'
import type { Settings, Speech } from './settings.js'

const trustNobody = createClientAddressResolver(undefined, 'trustProxies')

/** What a request is, who sends it, and how its sender is spoken to. */
export class SpokenRequest {
  readonly method: string
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
  clock: Clock = systemClock
  dialect: Dialect = lazu
  /** Whether errors carry hints; as the dialect does when undefined. */
  hints: boolean | undefined
  rateLimitFields = false

  readonly #target: string
  #split: Target | undefined
  #protocolOption: ProtocolOption | undefined
  #problemJson = false
  #format: ProtocolFormat | undefined
  #requestId: string | undefined
  #announced = false
  #degraded: string | undefined
  #resolveAddress: ClientAddressResolver = trustNobody
  #address: Address | undefined
  #addressKnown = false

  /** @param target the request's target as the client sent it, before any mount */
  constructor(request: IncomingMessage, response: ServerResponse, target: string) {
    this.method = request.method ?? 'GET'
    this.raw = { request, response }
    this.#target = target
  }

  /** Takes over what a middleware of ours was told. */
  adopt(settings: Settings): void {
    if (settings.clock !== undefined) this.clock = settings.clock
    if (settings.speech !== undefined) this.#adoptSpeech(settings.speech)
    if (settings.resolveAddress !== undefined) {
      this.#resolveAddress = settings.resolveAddress
      this.#addressKnown = false
    }
  }

  #adoptSpeech(speech: Speech): void {
    if (speech.dialect !== undefined && speech.dialect !== this.dialect) {
      this.#changeDialect(speech.dialect)
    }
    if (speech.protocol !== undefined) this.#protocolOption = speech.protocol
    if (speech.hints !== undefined) this.hints = speech.hints
    if (speech.problemJson !== undefined) this.#problemJson = speech.problemJson
    if (speech.rateLimitFields !== undefined) this.rateLimitFields = speech.rateLimitFields
    this.#format = undefined
  }

  /** The request gets an id in the new dialect's form, and in its header. */
  #changeDialect(dialect: Dialect): void {
    const { response } = this.raw
    const { header } = this.dialect.requestId
    this.dialect = dialect
    if (response.headersSent) return
    this.#requestId = undefined
    if (!this.#announced) return
    response.removeHeader(header)
    this.#announced = false
    this.announceRequestId()
  }

  get path(): string {
    return (this.#split ??= splitTarget(this.#target)).path
  }

  get query(): string {
    return (this.#split ??= splitTarget(this.#target)).query
  }

  get protocol(): Protocol {
    const option = this.#protocolOption
    if (typeof option === 'function') return option(this)
    return option === undefined || option === 'native' ? protocolOf(this.path) : option
  }

  get format(): ProtocolFormat {
    return (this.#format ??= formatFor({
      protocol: this.protocol,
      option: this.#protocolOption,
      nativeProtocols: this.dialect.nativeProtocols,
      problemJson: this.#problemJson,
      accept: this.#problemJson ? this.header('accept') : undefined,
    }))
  }

  get requestId(): string {
    return (this.#requestId ??= newRequestId(this.dialect, this.clock.wallMs()))
  }

  get address(): Address | undefined {
    if (!this.#addressKnown) {
      const { socket } = this.raw.request
      this.#address = this.#resolveAddress(socket.remoteAddress, this.header('x-forwarded-for'))
      this.#addressKnown = true
    }
    return this.#address
  }

  get clientAddress(): string | undefined {
    const { address } = this
    return address === undefined ? undefined : formatAddress(address)
  }

  /** The caller's own X-Request-Id, for the log: only when nothing can be hidden in it. */
  get clientRequestId(): string | undefined {
    const id = this.header('x-request-id')
    if (id === undefined || !/^[\w.-]{1,128}$/.test(id)) return undefined
    return redact(id) === id ? id : undefined
  }

  header(name: string): string | undefined {
    const value = this.raw.request.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }

  setHeader(name: string, value: string): void {
    const { response } = this.raw
    if (!response.headersSent) response.setHeader(name, value)
  }

  /** Puts the request id on the response: the dialect's own header, and those SDKs read. */
  announceRequestId(): void {
    if (this.#announced || this.raw.response.headersSent) return
    this.#announced = true
    this.setHeader(this.dialect.requestId.header, this.requestId)
    this.setHeader('x-request-id', this.requestId)
    this.setHeader('request-id', this.requestId)
  }

  /** Says on the response that a store failed which the decision needed; each one once. */
  announceDegraded(store: string): void {
    const before = this.#degraded
    if (before?.split(', ').includes(store) === true) return
    this.#degraded = before === undefined ? store : `${before}, ${store}`
    this.setHeader('x-lazu-degraded', this.#degraded)
  }
}
