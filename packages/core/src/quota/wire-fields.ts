// The names of fields in the bodies of OpenAI's, Anthropic's and Gemini's APIs that an estimate goes
// by. Gemini takes each of its names in both spellings.

/** Fields that limit the output of one choice, in the body itself. */
export const outputCapFields: readonly string[] = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
]

/** Fields that multiply the output, in the body itself. */
export const choiceFields: readonly string[] = ['n', 'best_of']

/** Where Gemini has its own. */
export const generationConfigFields: readonly string[] = ['generationConfig', 'generation_config']

/** Fields of a generation config that limit the output of one choice. */
export const configOutputCapFields: readonly string[] = ['maxOutputTokens', 'max_output_tokens']

/** Fields of a generation config that multiply the output. */
export const configChoiceFields: readonly string[] = ['candidateCount', 'candidate_count']

/** Fields whose text is a picture, a recording or a file, in the objects named, or in any. */
export const binaryFields: ReadonlyMap<string, ReadonlySet<string> | 'anywhere'> = new Map<
  string,
  ReadonlySet<string> | 'anywhere'
>([
  ['image_url', 'anywhere'],
  ['file_data', 'anywhere'],
  ['file_url', 'anywhere'],
  ['file_id', 'anywhere'],
  ['url', new Set(['image_url', 'source'])],
  ['data', new Set(['input_audio', 'inlineData', 'inline_data', 'source'])],
  ['fileUri', new Set(['fileData'])],
  ['file_uri', new Set(['file_data'])],
])

/** Fields whose text a model reads as it stands, whatever it looks like. */
export const textFields: ReadonlySet<string> = new Set([
  'arguments',
  'content',
  'description',
  'input',
  'instructions',
  'output',
  'prompt',
  'system',
  'text',
])

/** Names of properties that are part of the protocol and cost a model nothing. */
export const framingFields: ReadonlySet<string> = new Set([
  ...outputCapFields,
  ...choiceFields,
  ...generationConfigFields,
  ...configOutputCapFields,
  ...configChoiceFields,
  ...binaryFields.keys(),
  ...textFields,
  'cache_control',
  'contents',
  'detail',
  'encoding_format',
  'fileData',
  'format',
  'frequency_penalty',
  'function',
  'include_usage',
  'inlineData',
  'inline_data',
  'input_audio',
  'logprobs',
  'media_type',
  'messages',
  'metadata',
  'mimeType',
  'mime_type',
  'model',
  'name',
  'parts',
  'presence_penalty',
  'reasoning_effort',
  'response_format',
  'role',
  'seed',
  'source',
  'stop',
  'store',
  'stream',
  'stream_options',
  'systemInstruction',
  'system_instruction',
  'temperature',
  'tool_call_id',
  'tool_calls',
  'tool_choice',
  'tools',
  'topP',
  'top_p',
  'type',
  'user',
])
