import type { ChatChunk } from './wire.js'

/** Chunks as server-sent events, closed by `[DONE]` as OpenAI does. */
export async function* eventStream(chunks: AsyncIterable<ChatChunk>): AsyncGenerator<string> {
  for await (const chunk of chunks) yield `data: ${JSON.stringify(chunk)}\n\n`
  yield 'data: [DONE]\n\n'
}
