import { ownField, readUsage, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { errorEvent } from '../told-failure.js'
import { eventFields } from './event-fields.js'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'

const notableInGemini = notable()
const outputOfGemini = outputText('text')
/** How the name of each field ends that counts tokens. */
const counting = 'TokenCount'
const countingField = `${counting}":`

/**
 * Gemini's streams. Each event counts all tokens so far, and none tells the end: what counts last is
 * kept, and read when somebody asks.
 */
export class GeminiStream implements StreamKind {
  readonly notable: RegExp = notableInGemini
  readonly outputText: RegExp = outputOfGemini
  readonly tellsEnd = false
  readonly isOver = false
  readonly #dialect: Dialect
  #usage: Usage | undefined
  #unread: string | undefined

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  get usage(): Usage | undefined {
    this.#readKept()
    return this.#usage
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    return errorEvent(event, this.#dialect)
  }

  take({ data }: StreamEvent): boolean {
    this.#readKept()
    this.#note(data)
    return true
  }

  takeDone(): void {}

  glance(text: string): void {
    if (text.includes(countingField)) this.#unread = text
  }

  #readKept(): void {
    if (this.#unread === undefined) return
    for (const event of this.#unread.split(/(?:\r\n|\n|\r(?!\n)){2}/)) {
      const { data } = eventFields(event)
      if (data?.includes(countingField) === true) this.#note(parsed(data))
    }
    this.#unread = undefined
  }

  #note(data: unknown): void {
    const told = ownField(data, 'usageMetadata')
    if (typeof told !== 'object' || told === null) return
    if (Object.keys(told).some((name) => name.endsWith(counting))) this.#usage = readUsage(told)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
