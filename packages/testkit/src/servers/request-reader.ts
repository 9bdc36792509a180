/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  /** By names in lower case; of several with one name the last. */
  readonly headers: Readonly<Record<string, string>>
  /** The head's bytes as text, up to the blank line. */
  readonly head: string
  readonly body: string
}

/** Takes requests with a Content-Length, or without a body, out of the bytes of a connection. */
export class RequestReader {
  #bytes = Buffer.alloc(0)

  /** The requests that are whole with these bytes. */
  push(bytes: Buffer): RecordedRequest[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const requests: RecordedRequest[] = []
    for (;;) {
      const headEnd = this.#bytes.indexOf('\r\n\r\n')
      if (headEnd === -1) return requests
      const head = this.#bytes.subarray(0, headEnd).toString('latin1')
      const headers = headersOf(head)
      const bodyStart = headEnd + 4
      const bodyEnd = bodyStart + Number(headers['content-length'] ?? 0)
      if (this.#bytes.length < bodyEnd) return requests
      const [method = '', target = ''] = head.split(' ', 2)
      const body = this.#bytes.subarray(bodyStart, bodyEnd).toString()
      requests.push({ method, target, headers, head, body })
      this.#bytes = this.#bytes.subarray(bodyEnd)
    }
  }
}

function headersOf(head: string): Record<string, string> {
  const lines = head.split('\r\n').slice(1)
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
