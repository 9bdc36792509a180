import { sseEvent, type SseEvent } from '@lazu/testkit'

function streamOf(...events: readonly SseEvent[]): string {
  return events.map(sseEvent).join('')
}

function chatChunk(choices: readonly unknown[], rest: object = {}): string {
  return JSON.stringify({
    id: 'chatcmpl-CjX0aQ',
    object: 'chat.completion.chunk',
    created: 1763726400,
    model: 'gpt-5-2025-08-07',
    service_tier: 'default',
    system_fingerprint: null,
    choices,
    ...rest,
  })
}

function chatDelta(delta: object, finish: string | null = null): unknown {
  return { index: 0, delta, logprobs: null, finish_reason: finish }
}

/** What the usage event of `chatStream` says. */
export const chatUsage = {
  prompt_tokens: 1_117,
  completion_tokens: 46,
  total_tokens: 1_163,
  prompt_tokens_details: { cached_tokens: 1_024, audio_tokens: 12 },
  completion_tokens_details: {
    reasoning_tokens: 20,
    audio_tokens: 4,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
}

/** The event of a chat that has nothing but the usage. */
export const chatUsageEvent: string = sseEvent(chatChunk([], { usage: chatUsage }))

/** A chat whose client asked for the usage. */
export const chatStream: string =
  streamOf(
    chatChunk([chatDelta({ role: 'assistant', content: '', refusal: null })], { usage: null }),
    chatChunk([chatDelta({ content: 'Grüß' })], { usage: null }),
    chatChunk([chatDelta({ content: ' Gott, "usage": {' })], { usage: null }),
    chatChunk([chatDelta({ content: ' 你好 😀' })], { usage: null }),
    chatChunk([chatDelta({}, 'stop')], { usage: null }),
  ) +
  chatUsageEvent +
  streamOf('[DONE]')

/** A chat with a call of a tool, whose client did not ask. */
export const toolStream: string = streamOf(
  chatChunk([
    chatDelta({
      role: 'assistant',
      content: null,
      tool_calls: [
        { index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } },
      ],
    }),
  ]),
  chatChunk([chatDelta({ tool_calls: [{ index: 0, function: { arguments: '{"error":' } }] })]),
  chatChunk([chatDelta({ tool_calls: [{ index: 0, function: { arguments: '"usage"}' } }] })]),
  chatChunk([chatDelta({}, 'tool_calls')]),
  '[DONE]',
)

/** What the last event of `responsesStream` says. */
export const responseUsage = {
  input_tokens: 328,
  input_tokens_details: { cached_tokens: 256 },
  output_tokens: 52,
  output_tokens_details: { reasoning_tokens: 40 },
  total_tokens: 380,
}

function response(status: string, rest: object = {}): object {
  return {
    id: 'resp_67c9fdcecf488190',
    object: 'response',
    created_at: 1741290958,
    status,
    error: null,
    incomplete_details: null,
    instructions: 'You are a helpful assistant.',
    model: 'gpt-5-2025-08-07',
    output: [],
    tools: [{ type: 'function', name: 'usage', parameters: { properties: { error: {} } } }],
    usage: null,
    ...rest,
  }
}

/** An event of the Responses API. */
export function responseEvent(type: string, rest: object): SseEvent {
  return { event: type, data: { type, ...rest } }
}

/** The last event of a response, with an output of so many letters. */
export function completedEvent(letters = 10): SseEvent {
  const part = { type: 'output_text', text: 'x'.repeat(letters), annotations: [] }
  const output = [{ id: 'msg_1', type: 'message', status: 'completed', content: [part] }]
  return responseEvent('response.completed', {
    sequence_number: 9,
    response: response('completed', { output, usage: responseUsage }),
  })
}

/** A response. */
export const responsesStream: string = streamOf(
  responseEvent('response.created', { sequence_number: 0, response: response('in_progress') }),
  responseEvent('response.in_progress', { sequence_number: 1, response: response('in_progress') }),
  responseEvent('response.output_item.added', {
    sequence_number: 2,
    output_index: 0,
    item: { id: 'msg_1', type: 'message', status: 'in_progress', role: 'assistant', content: [] },
  }),
  responseEvent('response.output_text.delta', {
    sequence_number: 4,
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta: 'Hi',
  }),
  responseEvent('response.output_text.delta', {
    sequence_number: 5,
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta: ' there! "error" \\ 你好',
  }),
  responseEvent('response.output_text.done', { sequence_number: 6, text: 'Hi there!' }),
  completedEvent(),
)

/** A response that failed while it was made. */
export const failedResponse: SseEvent = responseEvent('response.failed', {
  sequence_number: 3,
  response: response('failed', {
    error: { code: 'server_error', message: 'The model failed. canary-text' },
  }),
})

function messageEvent(type: string, rest: object = {}): SseEvent {
  return { event: type, data: { type, ...rest } }
}

/** What the last event of `messagesStream` says of the usage. */
export const messageUsage = {
  input_tokens: 10_682,
  cache_creation_input_tokens: 128,
  cache_read_input_tokens: 2_048,
  output_tokens: 510,
  server_tool_use: { web_search_requests: 1 },
}

const cacheCreation = { ephemeral_5m_input_tokens: 28, ephemeral_1h_input_tokens: 100 }

/** The usage of a message that is no stream: how long what is in the cache is kept is told as well. */
export const wholeMessageUsage: object = { ...messageUsage, cache_creation: cacheCreation }

/** A message with a search of the web in it. */
export const messagesStream: string = streamOf(
  messageEvent('message_start', {
    message: {
      id: 'msg_01G9WkScyvb1KtEGgC5ZWBBF',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: 2_679,
        cache_creation_input_tokens: 128,
        cache_read_input_tokens: 2_048,
        cache_creation: cacheCreation,
        output_tokens: 3,
        service_tier: 'standard',
      },
    },
  }),
  messageEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  messageEvent('ping'),
  messageEvent('content_block_delta', {
    index: 0,
    delta: { type: 'text_delta', text: "I'll check the weather: 你好" },
  }),
  messageEvent('content_block_stop', { index: 0 }),
  messageEvent('content_block_start', {
    index: 1,
    content_block: { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
  }),
  messageEvent('content_block_delta', {
    index: 1,
    delta: { type: 'input_json_delta', partial_json: '{"query":' },
  }),
  messageEvent('content_block_start', {
    index: 2,
    content_block: {
      type: 'web_search_tool_result',
      tool_use_id: 'srvtoolu_1',
      content: [{ type: 'web_search_tool_result_error', error_code: 'max_uses_exceeded' }],
    },
  }),
  messageEvent('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: messageUsage,
  }),
  messageEvent('message_stop'),
)

function geminiChunk(text: string, usageMetadata: object, finishReason?: string): object {
  return {
    candidates: [{ content: { parts: [{ text }], role: 'model' }, finishReason, index: 0 }],
    usageMetadata,
    modelVersion: 'gemini-2.5-pro',
    responseId: 'tTCwacuEBMvnitYP06qsgQY',
  }
}

/** What the last answer of `geminiChunks` says of the usage. */
export const geminiUsage = {
  promptTokenCount: 1_300,
  candidatesTokenCount: 18,
  totalTokenCount: 1_472,
  cachedContentTokenCount: 512,
  promptTokensDetails: [
    { modality: 'TEXT', tokenCount: 784 },
    { modality: 'IMAGE', tokenCount: 258 },
    { modality: 'AUDIO', tokenCount: 258 },
  ],
  cacheTokensDetails: [{ modality: 'TEXT', tokenCount: 512 }],
  candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: 18 }],
  toolUsePromptTokenCount: 20,
  toolUsePromptTokensDetails: [{ modality: 'TEXT', tokenCount: 20 }],
  thoughtsTokenCount: 134,
}

/** The answers of a stream of Gemini's. */
export const geminiChunks: readonly object[] = [
  geminiChunk('Hello', {
    promptTokenCount: 1_300,
    totalTokenCount: 1_434,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1_300 }],
    thoughtsTokenCount: 134,
  }),
  geminiChunk('! "usageMetadata" 你好', {
    promptTokenCount: 1_300,
    candidatesTokenCount: 2,
    totalTokenCount: 1_436,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1_300 }],
    thoughtsTokenCount: 134,
  }),
  geminiChunk(' How can I help?', geminiUsage, 'STOP'),
]

/** The stream that `alt=sse` asks for. Gemini ends its lines with CR LF. */
export const geminiStream: string = geminiChunks
  .map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`)
  .join('')
