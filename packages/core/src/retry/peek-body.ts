import type { Clock } from '../lib/clock.js'

/** Longest body that is read, in bytes. An error's is far shorter. */
const longestBytes = 65_536
/** How long a body is waited for: a server that has sent its head has the rest of an error ready. */
const longestMs = 1_000

/**
 * The text of a Response's JSON body, read from a copy, so that whoever gets the Response can still
 * read it all. Undefined for a body that is not JSON, is too long, is too slow, or breaks off.
 */
export async function peekBody(
  response: Response,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (signal?.aborted === true) return undefined
  const reader = copyOf(response)?.getReader()
  if (reader === undefined) return undefined
  // Not awaited: cancelling one of two copies ends only when the other is cancelled as well.
  const stop = (): void => void reader.cancel().catch(() => {})
  const timer = clock.after(longestMs, stop)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const decoder = new TextDecoder()
    let text = ''
    let bytes = 0
    for (;;) {
      const chunk = await reader.read()
      if (chunk.done) return text + decoder.decode()
      bytes += chunk.value.byteLength
      if (bytes > longestBytes) break
      text += decoder.decode(chunk.value, { stream: true })
    }
    stop()
    return undefined
  } catch {
    return undefined
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', stop)
  }
}

function copyOf(response: Response): ReadableStream<Uint8Array> | undefined {
  try {
    const type = response.headers.get('content-type') ?? ''
    return type.includes('json') ? (response.clone().body ?? undefined) : undefined
  } catch {
    // Somebody reads it already.
    return undefined
  }
}
