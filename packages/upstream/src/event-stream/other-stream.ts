import { ownField, readUsage, type Dialect, type GatewayError, type Usage } from '@lazu/core'
import { notable, outputText, type StreamEvent, type StreamKind } from './stream-kind.js'
import { errorEvent } from '../told-failure.js'

const notableElsewhere = notable('usage')
const outputElsewhere = outputText('text', 'delta')

/** Streams of images and speech, and whatever else there is: a usage, if any, in the last event. */
export class OtherStream implements StreamKind {
  readonly notable: RegExp = notableElsewhere
  readonly outputText: RegExp = outputElsewhere
  readonly tellsEnd = false
  readonly isOver = false
  readonly #dialect: Dialect
  #usage: Usage | undefined

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  get usage(): Usage | undefined {
    return this.#usage
  }

  failureIn(event: StreamEvent): GatewayError | undefined {
    return errorEvent(event, this.#dialect)
  }

  take({ data }: StreamEvent): boolean {
    const usage = ownField(data, 'usage')
    if (typeof usage === 'object' && usage !== null) this.#usage = readUsage(usage)
    return true
  }

  takeDone(): void {}
}
