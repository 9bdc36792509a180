/**
 * A small built-in language model that answers from its input, and what the examples share: a
 * gateway's options with keys to try it with, in memory or in a file, and the commands to try.
 */
export { chatSchema, type ChatRequest } from './chat-schema.js'
export { chatChunks, complete } from './complete.js'
export { curlLines, type CurlLine } from './curl-lines.js'
export { createDemo, type Demo, type DemoSecrets } from './demo.js'
export { eventStream } from './event-stream.js'
export { modelList, models } from './models.js'
export { portFrom } from './port.js'
export { run, urlOf, type Example, type Serve } from './run.js'
export { openGateway, type StoredGateway } from './stored-gateway.js'
export type { ExampleUpstream } from './upstream.js'
export type { ChatChunk, ChatCompletion, CompletionUsage, FinishReason } from './wire.js'
