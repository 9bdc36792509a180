import type { GatewayError } from './errors/gateway-error.js'
import type { Events, RequestFacts } from './events.js'
import type { ApiKey } from './keys/api-key.js'
import { loggedError, stderrLogger, type Logger } from './lib/logger.js'
import { redact } from './lib/redact.js'
import type { Settings } from './settings.js'
import { SpokenRequest } from './spoken-request.js'

/** A request of which events and logs are told. */
export class ToldRequest extends SpokenRequest {
  key: ApiKey | undefined
  events: Events | undefined
  protected logger: Logger | undefined
  #lateWrites = 0

  /** Takes over what a middleware of ours was told. */
  override adopt(settings: Settings): void {
    super.adopt(settings)
    if (settings.logger !== undefined) this.logger = settings.logger
    if (settings.events !== undefined) this.events = settings.events
  }

  /** Reports a failure where this framework's users look, when no logger was given. */
  protected reportByDefault(fields: object, message: string, _cause: unknown): void {
    stderrLogger.error(fields, message)
  }

  /** Counts what a handler writes after it was answered for. */
  lateWrite(): void {
    this.#lateWrites++
    if (this.#lateWrites === 1 && this.events?.has('lateWrite') === true) {
      this.events.emit('lateWrite', this.facts())
    }
  }

  /** What events say of this request. */
  facts(): RequestFacts {
    return {
      requestId: this.requestId,
      clientRequestId: this.clientRequestId,
      method: this.method,
      // Some people put their key into the URL.
      path: redact(this.path),
      keyId: this.key?.id,
      account: this.key?.account,
      clientAddress: this.clientAddress,
    }
  }

  /** Tells an error to whoever listens, and logs what is behind one of the server's own. */
  protected tell(error: GatewayError): void {
    const [status] = error.answerIn(this.dialect)
    const { condition, cause } = error
    if (status >= 500) {
      if (cause !== undefined) this.report(`${condition} on ${this.method} ${this.path}`, cause)
      if (this.events?.has('failed') === true) {
        const logged = cause === undefined ? undefined : loggedError(cause)
        this.events.emit('failed', { ...this.facts(), condition, status, cause: logged })
      }
    } else if (this.events?.has('refused') === true) {
      this.events.emit('refused', { ...this.facts(), condition, status })
    }
  }

  /** Logs what went wrong, without anything secret. */
  report(message: string, cause: unknown): void {
    const fields = { requestId: this.requestId, err: loggedError(cause) }
    const text = redact(message)
    if (this.logger === undefined) this.reportByDefault(fields, text, cause)
    else this.logger.error(fields, text)
  }
}
