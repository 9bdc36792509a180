/** Calls to be made of a server, all the same. */
export interface Load {
  readonly port: number
  readonly path: string
  /** The request's headers but for those of the connection and the body's length. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status every answer must have; the others are counted. */
  readonly status: number
  readonly seconds: number
  /** How many calls to begin in a second, at even distances. As many as it can take when undefined. */
  readonly perSecond: number | undefined
}

/** What came of a load. */
export interface Loaded {
  /** How many answers there were, wrong ones included. */
  readonly answers: number
  /** How many of them had another status than expected. */
  readonly wrong: number
  readonly seconds: number
  readonly p50Micros: number
  readonly p99Micros: number
}

/** How many connections are open at once; each waits for its answer before its next call. */
export const connections = 50
