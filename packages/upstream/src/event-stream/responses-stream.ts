import { ownField, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { usageOfResponse } from '../usage/openai.js'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'
import { errorEvent, toldFailure } from '../told-failure.js'

const notableInResponses = notable(String.raw`response\.(?:completed|incomplete|failed)`)
const outputOfResponses = outputText('delta')

/** Responses of OpenAI. The event that tells the end holds the whole response, its usage included. */
export class ResponsesStream implements StreamKind {
  readonly notable: RegExp = notableInResponses
  readonly outputText: RegExp = outputOfResponses
  readonly tellsEnd = true
  readonly #dialect: Dialect
  #isOver = false
  #usage: Usage | undefined

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get usage(): Usage | undefined {
    return this.#usage
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    if (typeOf(event) !== 'response.failed') return errorEvent(event, this.#dialect)
    const response = ownField(event.data, 'response')
    // It may have been charged for before it failed.
    this.#usage = usageOfResponse(response)
    return toldFailure(ownField(response, 'error'), this.#dialect)
  }

  take(event: StreamEvent): boolean {
    const type = typeOf(event)
    if (type === 'response.completed' || type === 'response.incomplete') {
      this.#isOver = true
      this.#usage = usageOfResponse(ownField(event.data, 'response'))
    }
    return true
  }

  takeDone(): void {
    this.#isOver = true
  }
}

function typeOf({ name, data }: StreamEvent): unknown {
  return ownField(data, 'type') ?? name
}
