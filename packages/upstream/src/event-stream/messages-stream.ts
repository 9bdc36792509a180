import { ownField, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { MessageUsage } from '../usage/anthropic.js'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'
import { errorEvent } from '../told-failure.js'

const notableInMessages = notable('message_(?:start|delta|stop)')
const outputOfMessages = outputText('text', 'thinking', 'partial_json')

/** Messages of Anthropic. What the first event says of the usage, a later one completes. */
export class MessagesStream implements StreamKind {
  readonly notable: RegExp = notableInMessages
  readonly outputText: RegExp = outputOfMessages
  readonly tellsEnd = true
  readonly #dialect: Dialect
  readonly #usage = new MessageUsage()
  #isOver = false

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get usage(): Usage | undefined {
    return this.#usage.final
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    return errorEvent(event, this.#dialect)
  }

  take({ name, data }: StreamEvent): boolean {
    switch (ownField(data, 'type') ?? name) {
      case 'message_start':
        this.#usage.begin(ownField(ownField(data, 'message'), 'usage'))
        break
      case 'message_delta':
        this.#usage.complete(ownField(data, 'usage'))
        break
      case 'message_stop':
        this.#isOver = true
    }
    return true
  }

  takeDone(): void {
    this.#isOver = true
  }
}
