import { GatewayError, estimateTokens } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const options = { defaultOutputTokens: 1_000 }

function inputOf(body: unknown): number {
  return estimateTokens(body, options).inputTokens
}

function outputOf(body: unknown): number {
  return estimateTokens(body, options).outputTokens
}

function refusal(body: unknown): readonly [string, string | undefined] | undefined {
  try {
    estimateTokens(body, options)
    return undefined
  } catch (error) {
    if (GatewayError.is(error)) return [error.condition, error.param]
    throw error
  }
}

/** A text in so many lists. */
function nest(depth: number): unknown {
  return JSON.parse(`${'['.repeat(depth)}"x"${']'.repeat(depth)}`)
}

function texts(length: number): unknown {
  return { input: Array.from({ length }, () => 'x') }
}

describe('the input of an estimate', () => {
  it('is a third of the bytes of each text, rounded up, and 4 for a message', () => {
    expect(inputOf({ messages: [{ role: 'user', content: 'x'.repeat(300) }] })).toBe(4 + 2 + 100)
    expect(inputOf({ messages: [{ role: 'user', content: 'x'.repeat(301) }] })).toBe(4 + 2 + 101)
    expect(inputOf({ input: '世界' })).toBe(2)
    expect(inputOf({ input: '👍' })).toBe(2)
  })

  it('reads the bodies of the APIs it is for', () => {
    const text = 'x'.repeat(30)
    const part = { type: 'text', text }
    expect(inputOf({ model: 'm', prompt: text })).toBe(1 + 10)
    expect(inputOf({ model: 'm', input: [text, text] })).toBe(1 + 20)
    expect(inputOf({ input: [{ role: 'user', content: [part] }], instructions: text })).toBe(
      4 + 2 + (2 + 10) + 10,
    )
    expect(inputOf({ system: [part], messages: [{ role: 'user', content: [part] }] })).toBe(
      2 + 10 + (4 + 2 + 2 + 10),
    )
    expect(
      inputOf({
        systemInstruction: { parts: [{ text }] },
        contents: [{ role: 'user', parts: [{ text }] }],
      }),
    ).toBe(4 + 10 + (4 + 2 + 10))
  })

  it('counts token ids one by one, however many', () => {
    expect(inputOf({ input: [1, 2, 3] })).toBe(3)
    expect(inputOf({ input: Array.from({ length: 300_000 }, () => 100_000) })).toBe(300_000)
  })

  it('counts the names in a schema, which a model reads as well', () => {
    const properties = { ['x'.repeat(300)]: { type: 'string' } }
    expect(inputOf({ tools: [{ parameters: { properties } }] })).toBeGreaterThanOrEqual(100)
  })

  it('is not 0 for spaces', () => {
    expect(inputOf({ input: ' '.repeat(100_000) })).toBe(33_334)
  })

  const base64 = 'A'.repeat(30_000)
  it.for([
    ['image_url.url', { image_url: { url: `data:image/png;base64,${base64}` } }],
    ['image_url.url on the web', { image_url: { url: 'https://example.com/cat.png' } }],
    ['image_url', { image_url: `data:image/png;base64,${base64}` }],
    ['input_audio.data', { input_audio: { data: base64 } }],
    ['inlineData.data', { inlineData: { data: base64 } }],
    ['inline_data.data', { inline_data: { data: base64 } }],
    ['source.data', { source: { data: base64 } }],
    ['source.url', { source: { url: 'https://example.com/cat.png' } }],
    ['file_data', { file: { file_data: base64 } }],
    ['fileData.fileUri', { fileData: { fileUri: 'gs://bucket/file' } }],
    ['a data URL elsewhere', { video_url: { url: `data:video/mp4;base64,${base64}` } }],
  ] as const)('counts 1,500 for %s', ([, part]) => {
    const names = 'file' in part || 'video_url' in part ? 5 : 0
    const input = inputOf(part)
    expect(input).toBeGreaterThanOrEqual(1_500)
    expect(input).toBeLessThanOrEqual(1_500 + names)
  })

  it.for([
    ['a content that looks like a data URL', { content: `data:text/plain;base64,${base64}` }],
    ['a list of prompts that do', { prompt: [`data:text/plain;base64,${base64}`] }],
    ['a text source', { source: { type: 'text', data: base64 } }],
    ['data of anything else', { arguments: { data: base64 } }],
    ['a data URL that is not base64', { url: `data:text/plain,${base64}` }],
    ['a comma far off', { url: `data:${base64};base64,` }],
  ] as const)('counts %s as the text it is', ([, part]) => {
    expect(inputOf(part)).toBeGreaterThanOrEqual(10_000)
  })

  it('refuses what is nested more than 64 deep', () => {
    expect(inputOf({ input: nest(63) })).toBe(1)
    expect(refusal({ input: nest(64) })).toEqual(['request_invalid', undefined])
    expect(refusal({ input: nest(5_000) })).toEqual(['request_invalid', undefined])
    const circle: Record<string, unknown> = {}
    circle['again'] = circle
    expect(refusal(circle)).toEqual(['request_invalid', undefined])
  })

  it('refuses more than 100,000 values', () => {
    expect(inputOf(texts(99_998))).toBe(99_998)
    expect(refusal(texts(99_999))).toEqual(['request_invalid', undefined])
  })

  it('never shrinks when text is added, and is at most what its bytes are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, more) => {
        const input = inputOf({ prompt: text })
        expect(inputOf({ prompt: text + more })).toBeGreaterThanOrEqual(input)
        expect(input).toBeLessThanOrEqual(Buffer.byteLength(text))
        expect(input).toBeGreaterThanOrEqual(Buffer.byteLength(text) / 3)
      }),
    )
  })

  it('is a whole number or a refusal for any JSON, and leaves it as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        const before = JSON.stringify(body)
        const isRefused = refusal(body) !== undefined
        const estimate = isRefused
          ? { inputTokens: 0, outputTokens: 1 }
          : estimateTokens(body, options)
        expect(Number.isSafeInteger(estimate.inputTokens)).toBe(true)
        expect(estimate.inputTokens).toBeGreaterThanOrEqual(0)
        expect(Number.isSafeInteger(estimate.outputTokens)).toBe(true)
        expect(estimate.outputTokens).toBeGreaterThanOrEqual(1)
        expect(JSON.stringify(body)).toBe(before)
      }),
    )
  })
})

describe('the output of an estimate', () => {
  it.for([undefined, null, 'text', [], {}, { input: 'x' }, { messages: [] }])(
    'is the default for %j',
    (body) => {
      expect(outputOf(body)).toBe(1_000)
    },
  )

  it.for([
    [{ max_tokens: 5 }, 5],
    [{ max_completion_tokens: 6 }, 6],
    [{ max_output_tokens: 7 }, 7],
    [{ generationConfig: { maxOutputTokens: 8 } }, 8],
    [{ generation_config: { max_output_tokens: 8 } }, 8],
    [{ max_tokens: 1, max_completion_tokens: 1_000_000 }, 1_000_000],
    [{ max_tokens: 1, max_output_tokens: 2, generationConfig: { maxOutputTokens: 3 } }, 3],
    [{ max_tokens: 3, max_output_tokens: 2, generationConfig: { maxOutputTokens: 1 } }, 3],
    [{ max_tokens: 10_000_000 }, 10_000_000],
    [{ max_tokens: undefined }, 1_000],
  ] as const)('is the largest cap given: %j', ([body, output]) => {
    expect(outputOf(body)).toBe(output)
  })

  it.for([
    [{ n: 3 }, 3_000],
    [{ max_tokens: 5, n: 128 }, 640],
    [{ max_tokens: 5, n: 2, best_of: 4 }, 20],
    [{ max_tokens: 5, n: 4, best_of: 2 }, 20],
    [{ generationConfig: { candidateCount: 3, maxOutputTokens: 5 } }, 15],
    [{ generation_config: { candidate_count: 3 } }, 3_000],
    [{ n: 2, generationConfig: { candidateCount: 3 } }, 3_000],
    [{ max_tokens: 5, prompt: ['a', 'b', 'c'], n: 2 }, 30],
    [{ max_tokens: 5, prompt: [[1, 2], [3]] }, 10],
    [{ max_tokens: 5, prompt: [1, 2, 3] }, 5],
    [{ max_tokens: 5, prompt: [] }, 5],
    [{ max_tokens: 10_000_000, n: 128 }, 1_280_000_000],
  ] as const)('is that of all choices together: %j', ([body, output]) => {
    expect(outputOf(body)).toBe(output)
  })

  it('counts caps and choices only where they mean something', () => {
    const elsewhere = { n: 5, best_of: 5, max_tokens: 9, candidateCount: 5, maxOutputTokens: 9 }
    expect(outputOf({ messages: [elsewhere], metadata: elsewhere })).toBe(1_000)
    expect(outputOf({ candidateCount: 5, maxOutputTokens: 9 })).toBe(1_000)
    expect(outputOf({ generationConfig: { n: 5, max_tokens: 9 } })).toBe(1_000)
  })

  it('counts own properties only', () => {
    const body: unknown = JSON.parse(
      '{"__proto__":{"n":128,"max_tokens":-1},"constructor":{"prototype":{"n":128}}}',
    )
    expect(outputOf(body)).toBe(1_000)
    expect(outputOf(Object.assign({}, body))).toBe(1_000)
    expect(outputOf(Object.create({ max_tokens: -1 }))).toBe(1_000)
    expect(Reflect.get({}, 'n')).toBeUndefined()
  })

  const caps = ['max_tokens', 'max_completion_tokens', 'max_output_tokens']
  const choices = ['n', 'best_of']
  const configFields = ['maxOutputTokens', 'max_output_tokens', 'candidateCount', 'candidate_count']
  const places: (readonly [string, (value: unknown) => unknown])[] = [
    ...[...caps, ...choices].map(
      (field) => [field, (value: unknown): unknown => ({ [field]: value })] as const,
    ),
    ...['generationConfig', 'generation_config'].flatMap((config) =>
      configFields.map(
        (field) =>
          [
            `${config}.${field}`,
            (value: unknown): unknown => ({ [config]: { [field]: value } }),
          ] as const,
      ),
    ),
  ]

  describe.for(places)('checks %s', ([param, bodyWith]) => {
    it.for([null, '1e9', '5', 1.5, -1.5, Number.NaN, true, [5], {}])(
      'and takes no %j, which is no whole number',
      (value) => {
        expect(refusal(bodyWith(value))).toEqual(['parameter_invalid', param])
      },
    )

    it.for([-1, 0, -0, 2 ** 53, 1e308, Number.POSITIVE_INFINITY, 10_000_001])(
      'and takes no %s, which is out of bounds',
      (value) => {
        expect(refusal(bodyWith(value))).toEqual(['value_invalid', param])
      },
    )

    it('and takes 1 to its largest', () => {
      const isCap = /max/i.test(param)
      const most = isCap ? 10_000_000 : 128
      expect(outputOf(bodyWith(1))).toBe(isCap ? 1 : 1_000)
      expect(outputOf(bodyWith(most))).toBe(isCap ? most : most * 1_000)
      expect(refusal(bodyWith(most + 1))).toEqual(['value_invalid', param])
    })
  })

  it.for([null, 'text', 5, []])('takes no generationConfig that is %j', (config) => {
    expect(refusal({ generationConfig: config })).toEqual(['parameter_invalid', 'generationConfig'])
  })

  it('finds a bad field behind a good one', () => {
    expect(refusal({ max_tokens: 5, max_output_tokens: -1 })).toEqual([
      'value_invalid',
      'max_output_tokens',
    ])
  })

  it.for([-1, 0.5, Number.NaN])('has no default of %s', (defaultOutputTokens) => {
    expect(() => estimateTokens({}, { defaultOutputTokens })).toThrow(RangeError)
  })
})
