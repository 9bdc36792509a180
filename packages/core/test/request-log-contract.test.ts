import { checkText, type RequestLog, type RequestRecord } from '@lazu/core'
import { runRequestLogContract } from '@lazu/testkit'

/** Keeps records as copies in a map. */
class MapLog implements RequestLog {
  readonly #records = new Map<string, RequestRecord>()

  record(record: RequestRecord): void {
    this.#records.set(record.requestId, structuredClone(record))
  }

  find(requestId: string): RequestRecord | undefined {
    checkText('requestId', requestId)
    return structuredClone(this.#records.get(requestId))
  }
}

/** Keeps records as text, later, and answers with promises, as one in a database does. */
class LaterLog implements RequestLog {
  readonly #waiting: RequestRecord[] = []
  readonly #texts = new Map<string, string>()

  record(record: RequestRecord): void {
    this.#waiting.push(record)
  }

  async find(requestId: string): Promise<RequestRecord | undefined> {
    checkText('requestId', requestId)
    const text = this.#texts.get(requestId)
    return text === undefined ? undefined : JSON.parse(text)
  }

  flush(): void {
    for (const record of this.#waiting) this.#texts.set(record.requestId, JSON.stringify(record))
    this.#waiting.length = 0
  }
}

runRequestLogContract('A log in memory', () => ({ log: new MapLog(), flushed() {} }))

runRequestLogContract('A log that keeps records later', () => {
  const log = new LaterLog()
  return { log, flushed: () => log.flush() }
})
