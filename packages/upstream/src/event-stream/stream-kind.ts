import type { GatewayError, Usage } from '@lazu/core'

/** An event that has data in JSON. */
export interface StreamEvent {
  readonly name: string | undefined
  readonly data: object
}

/** What one API's event streams mean, and what one of them has told so far. */
export interface StreamKind {
  /**
   * Finds the events that say more than text: errors, usages, ends. What it does not find is passed
   * on unread, so it may find too many, and never too few.
   */
  readonly notable: RegExp
  /** Finds where texts of the model begin in what it does not find: behind their opening quote. */
  readonly outputText: RegExp
  /** Whether its streams tell their end, so that one that stops without it is broken. */
  readonly tellsEnd: boolean
  /** Whether the end was told. */
  readonly isOver: boolean
  /** The final usage, once it was told. */
  readonly usage: Usage | undefined
  /** What an event has to say of a failure. */
  failureIn(event: StreamEvent): GatewayError | undefined
  /** Takes note of an event. False: it is not for the client. */
  take(event: StreamEvent): boolean
  /** Takes note of `[DONE]`. */
  takeDone(): void
  /** Looks at events that have nothing notable: each byte a character, the blank lines included. */
  glance?(text: string): void
}

/**
 * The expression of events that are notable in every API: with `[DONE]` or anything else that does not
 * begin as an object does, with an error's name, or with an escaped letter, which may stand in the name
 * of a field.
 *
 * @param names what is notable besides, as expressions: names of fields or values
 */
export function notable(...names: readonly string[]): RegExp {
  const parts = [
    // A field that is null says nothing.
    String.raw`"(?:${[...names, 'error'].join('|')})"(?! ?: ?null)`,
    String.raw`\\u00[2-7]`,
    String.raw`data:(?! ?\{)`,
    String.raw`event: *(?:response\.failed|error)`,
  ]
  return new RegExp(parts.join('|'))
}

/** The expression of fields whose texts are a model's output. */
export function outputText(...names: readonly string[]): RegExp {
  return new RegExp(`"(?:${names.join('|')})": ?"`, 'g')
}
