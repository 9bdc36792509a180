import OpenAI from 'openai'

/** One request the SDK sent. */
export interface Attempt {
  readonly status: number
  readonly startedMs: number
  readonly endedMs: number
  /** How long the answer told the caller to wait. */
  readonly announcedMs: number | undefined
}

/** An SDK, and what it sent. */
export interface RecordedClient {
  readonly openai: OpenAI
  readonly attempts: readonly Attempt[]
}

/** The official SDK as anybody would set it up, but for a look at what it sends. */
export function createClient(url: string, apiKey: string, maxRetries: number): RecordedClient {
  const attempts: Attempt[] = []
  const openai = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey,
    maxRetries,
    async fetch(target, init) {
      const startedMs = performance.now()
      const response = await fetch(target, init)
      const announced = response.headers.get('retry-after-ms')
      attempts.push({
        status: response.status,
        startedMs,
        endedMs: performance.now(),
        announcedMs: announced === null ? undefined : Number(announced),
      })
      return response
    },
  })
  return { openai, attempts }
}
