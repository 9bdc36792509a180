/** An event of a stream: its data alone, or its name, too. Data that is no text is told as JSON. */
export type SseEvent = string | { readonly event?: string; readonly data: unknown }

/** A whole answer with a body of known length. */
export function answer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = '',
): Buffer {
  const bytes = Buffer.from(body)
  const head = answerHead(status, { ...headers, 'content-length': String(bytes.length) })
  return Buffer.concat([Buffer.from(head), bytes])
}

/** A whole answer in JSON. A text is its body as it stands, well formed or not. */
export function json(
  body: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Buffer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return answer(status, { 'content-type': 'application/json', ...headers }, text)
}

/** A whole answer that is an event stream, each event in a chunk of its own. */
export function sse(...events: readonly SseEvent[]): Buffer {
  const parts = [sseHead(), ...events.map((event) => chunk(sseEvent(event))), lastChunk]
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

/** The head of an event stream in chunked coding; `chunk` and `lastChunk` go on from there. */
export function sseHead(headers: Readonly<Record<string, string>> = {}): string {
  return answerHead(200, {
    'content-type': 'text/event-stream',
    'transfer-encoding': 'chunked',
    ...headers,
  })
}

/** One event as it stands in a stream. */
export function sseEvent(event: SseEvent): string {
  if (typeof event === 'string') return `data: ${event}\n\n`
  const name = event.event === undefined ? '' : `event: ${event.event}\n`
  const data = typeof event.data === 'string' ? event.data : JSON.stringify(event.data)
  return `${name}data: ${data}\n\n`
}

/** The head of an answer, and nothing behind it. */
export function answerHead(status: number, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`
}

/** A piece of a body in chunked coding. */
export function chunk(piece: string | Uint8Array): Buffer {
  const bytes = Buffer.from(piece)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, crLf])
}

const crLf = Buffer.from('\r\n')

/** What ends a body in chunked coding. */
export const lastChunk = '0\r\n\r\n'
