/** The head of an answer that is passed on while it comes. */
export interface AnswerHead {
  readonly status: number
  readonly contentType: string
  readonly isEventStream: boolean
}

/** An answer that was read whole. */
export interface WholeAnswer {
  readonly status: number
  readonly contentType: string
  readonly bytes: Buffer
  /** What the JSON says. */
  readonly value: unknown
}

/** Where the body of an answer goes while it comes. */
export interface Sink {
  /** Takes a chunk. False: no more for now, until the flow is told to go on. */
  write(chunk: Buffer): boolean
  /** The body is complete. */
  end(): void
  /** The body broke off. */
  fail(error: Error): void
}

/** A body on its way. */
export interface Flow {
  /** Goes on after the sink wanted no more. */
  resume(): void
  /** Ends it: nobody wants the rest. */
  giveUp(): void
}
