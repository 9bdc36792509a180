import { dialects, GatewayError, type Protocol } from '@lazu/core'
// By its file: the package offers it to nobody.
import { createEventReader, type EventReader } from '../dist/event-stream/event-reader.js'

/** Which API a stream is of. */
export interface Api {
  readonly protocol: Protocol
  readonly path: string
}

/** The APIs, by what they are called here. */
export const apis = {
  chat: { protocol: 'openai', path: '/v1/chat/completions' },
  responses: { protocol: 'openai', path: '/v1/responses' },
  messages: { protocol: 'anthropic', path: '/v1/messages' },
  gemini: { protocol: 'gemini', path: '/v1beta/models/gemini-2.5-pro:streamGenerateContent' },
  images: { protocol: 'openai', path: '/v1/images/generations' },
} as const satisfies Record<string, Api>

/** Makes a reader for a stream of an API. */
export function readerOf(api: Api, hidesUsage = false): EventReader {
  return createEventReader({ ...api, hidesUsage, dialect: dialects.lazu })
}

/** What became of a stream. */
export interface Read {
  /** What a client gets. */
  readonly passed: Buffer
  readonly failure: GatewayError | undefined
  readonly reader: EventReader
}

/** Reads a whole stream, in chunks. */
export function readAll(reader: EventReader, chunks: Iterable<Buffer | string>): Read {
  const passed: Buffer[] = []
  function take(part: Buffer | undefined): void {
    if (part !== undefined) passed.push(Buffer.from(part))
  }
  let failure: GatewayError | undefined
  try {
    for (const chunk of chunks) take(reader.push(Buffer.from(chunk)))
    take(reader.end())
  } catch (error) {
    if (!GatewayError.is(error)) throw error
    failure = error
    take(reader.unsent)
  }
  return { passed: Buffer.concat(passed), failure, reader }
}

/** Cuts bytes at places, in any order. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length]
  ends.sort((one, other) => one - other)
  let from = 0
  return ends.map((end) => {
    const part = bytes.subarray(from, end)
    from = end
    return part
  })
}
