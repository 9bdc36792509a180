import { ownField, readUsage, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'
import { errorEvent } from '../told-failure.js'

const notableInChat = notable('usage', 'finish_reason')
const outputOfChat = outputText(
  'content',
  'reasoning_content',
  'reasoning',
  'refusal',
  'arguments',
  'text',
)

/**
 * Chat completions and completions of OpenAI. The usage comes in an event of its own, with an empty
 * list of choices; some servers put it into the last event that has any, or into each.
 */
export class ChatStream implements StreamKind {
  readonly notable: RegExp = notableInChat
  readonly outputText: RegExp = outputOfChat
  readonly tellsEnd = true
  readonly #dialect: Dialect
  readonly #hidesUsage: boolean
  #isOver = false
  #isFinal = false
  #usage: Usage | undefined

  /** @param hidesUsage whether an event that has nothing but the usage is not for the client */
  constructor(dialect: Dialect, hidesUsage: boolean) {
    this.#dialect = dialect
    this.#hidesUsage = hidesUsage
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get usage(): Usage | undefined {
    return this.#isFinal || this.#isOver ? this.#usage : undefined
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    return errorEvent(event, this.#dialect)
  }

  take({ data }: StreamEvent): boolean {
    const choices = ownField(data, 'choices')
    if (Array.isArray(choices)) this.#isOver ||= choices.some(isFinished)
    const usage = ownField(data, 'usage')
    if (typeof usage !== 'object' || usage === null) return true
    this.#usage = readUsage(usage)
    const isAlone = Array.isArray(choices) && choices.length === 0
    this.#isFinal ||= isAlone
    return !(isAlone && this.#hidesUsage)
  }

  takeDone(): void {
    this.#isOver = true
  }
}

function isFinished(choice: unknown): boolean {
  const reason = ownField(choice, 'finish_reason')
  return typeof reason === 'string' && reason !== ''
}
