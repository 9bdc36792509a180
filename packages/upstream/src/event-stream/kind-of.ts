import type { Dialect, Protocol } from '@lazu/core'
import { ChatStream } from './chat-stream.js'
import { GeminiStream } from './gemini-stream.js'
import { MessagesStream } from './messages-stream.js'
import { OtherStream } from './other-stream.js'
import { ResponsesStream } from './responses-stream.js'
import type { StreamKind } from './stream-kind.js'

/** What is known of an event stream beforehand. */
export interface EventReaderOptions {
  readonly protocol: Protocol
  /** Of the request. */
  readonly path: string
  /** Whether the event that tells the usage is not for the client, as only the gateway asked for it. */
  readonly hidesUsage: boolean
  /** The request's: it says whose fault a 400 is. */
  readonly dialect: Dialect
}

/** What the streams of an API mean, for one stream. */
export function streamKindOf(options: EventReaderOptions): StreamKind {
  const { dialect, path } = options
  switch (options.protocol) {
    case 'anthropic':
      return path.endsWith('/messages') ? new MessagesStream(dialect) : new OtherStream(dialect)
    case 'gemini':
      return new GeminiStream(dialect)
    case 'openai':
      if (path.endsWith('/completions')) return new ChatStream(dialect, options.hidesUsage)
      // Also of one that was begun before: `/responses/resp_1?stream=true`.
      if (/\/responses(?:\/|$)/.test(path)) return new ResponsesStream(dialect)
      return new OtherStream(dialect)
  }
}
