import { ownField, readUsage, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { ChoiceEnds } from './choice-ends.js'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'
import { errorEvent } from '../told-failure.js'

/** Events of any choice but the first are read: without their index nobody knows which ones there are. */
const ofOtherChoice = String.raw`"index"\s*:\s*[1-9]`
const notableInChat = new RegExp(`${notable('usage', 'finish_reason').source}|${ofOtherChoice}`)
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
  readonly #choices = new ChoiceEnds()
  #hasSeenFirst = false
  #isDone = false
  #isFinal = false
  #usage: Usage | undefined

  /** @param hidesUsage whether an event that has nothing but the usage is not for the client */
  constructor(dialect: Dialect, hidesUsage: boolean) {
    this.#dialect = dialect
    this.#hidesUsage = hidesUsage
  }

  /** Of a stream without `[DONE]`: whether each choice there was told why it finished. */
  get isOver(): boolean {
    return this.#isDone || this.#choices.areAllOver
  }

  get usage(): Usage | undefined {
    return this.#isFinal || this.isOver ? this.#usage : undefined
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    return errorEvent(event, this.#dialect)
  }

  take({ data }: StreamEvent): boolean {
    const choices = ownField(data, 'choices')
    if (Array.isArray(choices)) for (const choice of choices) this.#takeChoice(choice)
    const usage = ownField(data, 'usage')
    if (typeof usage !== 'object' || usage === null) return true
    this.#usage = readUsage(usage)
    const isAlone = Array.isArray(choices) && choices.length === 0
    this.#isFinal ||= isAlone
    return !(isAlone && this.#hidesUsage)
  }

  takeDone(): void {
    this.#isDone = true
  }

  /** What is not notable is of the first choice, when it is of any. */
  glance(text: string): void {
    if (this.#hasSeenFirst || !text.includes('"index"')) return
    this.#hasSeenFirst = true
    this.#choices.see(0)
  }

  #takeChoice(choice: unknown): void {
    const index = indexOf(choice)
    if (isFinished(choice)) this.#choices.end(index)
    else this.#choices.see(index)
  }
}

/** Some servers do not number the choice when there is one only. */
function indexOf(choice: unknown): number {
  const index = ownField(choice, 'index')
  return typeof index === 'number' && index > 0 ? index : 0
}

function isFinished(choice: unknown): boolean {
  const reason = ownField(choice, 'finish_reason')
  return typeof reason === 'string' && reason !== ''
}
