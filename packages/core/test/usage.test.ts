import { addUsage, readUsage } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('readUsage', () => {
  it('reads our own', () => {
    const usage = {
      inputTokens: 100,
      outputTokens: 50,
      cachedInputTokens: 40,
      audioInputTokens: 30,
      audioOutputTokens: 20,
      imageInputTokens: 10,
      imageOutputTokens: 7,
      cacheWriteInputTokens: 6,
      longCacheWriteInputTokens: 5,
    }
    expect(readUsage(usage)).toEqual(usage)
    expect(readUsage({ inputTokens: 1, outputTokens: 2 })).toEqual({
      inputTokens: 1,
      outputTokens: 2,
    })
  })

  it("reads that of OpenAI's chat completions", () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 40, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 10, audio_tokens: 5 },
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 100,
      outputTokens: 50,
      cachedInputTokens: 40,
      audioInputTokens: 0,
      audioOutputTokens: 5,
    })
  })

  it('reads reasoning that is counted beside what was completed, as xAI does', () => {
    const usage = {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      prompt_tokens_details: { text_tokens: 20, audio_tokens: 0, image_tokens: 12 },
      completion_tokens_details: { reasoning_tokens: 94, audio_tokens: 0 },
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 32,
      outputTokens: 103,
      cachedInputTokens: undefined,
      audioInputTokens: 0,
      audioOutputTokens: 0,
      imageInputTokens: 12,
    })
    // Not told to be beside it, it is inside.
    expect(readUsage({ ...usage, total_tokens: 41 })?.outputTokens).toBe(9)
    expect(readUsage({ ...usage, total_tokens: undefined })?.outputTokens).toBe(9)
  })

  it('reads what was written to a cache, and images that were written', () => {
    const usage = {
      prompt_tokens: 194,
      completion_tokens: 1_300,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 100 },
      completion_tokens_details: { image_tokens: 1_290 },
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 194,
      outputTokens: 1_300,
      cachedInputTokens: 0,
      cacheWriteInputTokens: 100,
      imageOutputTokens: 1_290,
    })
    const response = {
      input_tokens: 194,
      input_tokens_details: { cached_tokens: 20, cache_write_tokens: 100 },
      output_tokens: 1_300,
      output_tokens_details: { text_tokens: 10, image_tokens: 1_290 },
    }
    expect(readUsage(response)).toEqual({
      inputTokens: 194,
      outputTokens: 1_300,
      cachedInputTokens: 20,
      cacheWriteInputTokens: 100,
      imageOutputTokens: 1_290,
    })
  })

  it("reads that of OpenAI's embeddings, which write nothing", () => {
    expect(readUsage({ prompt_tokens: 8, total_tokens: 8 })).toEqual({
      inputTokens: 8,
      outputTokens: 0,
    })
  })

  it("reads that of OpenAI's responses", () => {
    const usage = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 10 },
      total_tokens: 150,
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 100,
      outputTokens: 50,
      cachedInputTokens: 40,
    })
  })

  it("reads that of OpenAI's images and transcriptions", () => {
    const images = {
      input_tokens: 50,
      input_tokens_details: { text_tokens: 10, image_tokens: 40 },
      output_tokens: 4_160,
      total_tokens: 4_210,
    }
    expect(readUsage(images)).toEqual({
      inputTokens: 50,
      outputTokens: 4_160,
      imageInputTokens: 40,
    })
    const transcription = {
      type: 'tokens',
      input_tokens: 14,
      input_token_details: { text_tokens: 4, audio_tokens: 10 },
      output_tokens: 101,
      total_tokens: 115,
    }
    expect(readUsage(transcription)).toEqual({
      inputTokens: 14,
      outputTokens: 101,
      audioInputTokens: 10,
    })
    expect(readUsage({ type: 'duration', seconds: 12 })).toBeUndefined()
  })

  it("reads Anthropic's, whose cached input stands beside the other", () => {
    const usage = {
      input_tokens: 100,
      cache_creation_input_tokens: 20,
      cache_read_input_tokens: 40,
      output_tokens: 50,
      service_tier: 'standard',
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 160,
      outputTokens: 50,
      cachedInputTokens: 40,
      cacheWriteInputTokens: 20,
    })
    const kept = { ephemeral_5m_input_tokens: 12, ephemeral_1h_input_tokens: 8 }
    expect(readUsage({ ...usage, cache_creation: kept })).toEqual({
      inputTokens: 160,
      outputTokens: 50,
      cachedInputTokens: 40,
      cacheWriteInputTokens: 12,
      longCacheWriteInputTokens: 8,
    })
    // The total is what was added to the input: no more of it than that was kept for an hour.
    const more = { ephemeral_1h_input_tokens: 30 }
    expect(readUsage({ ...usage, cache_creation: more })).toMatchObject({
      inputTokens: 160,
      cacheWriteInputTokens: 0,
      longCacheWriteInputTokens: 20,
    })
  })

  it("reads Gemini's, whose thoughts stand beside the candidates", () => {
    const usage = {
      promptTokenCount: 100,
      candidatesTokenCount: 50,
      thoughtsTokenCount: 7,
      cachedContentTokenCount: 40,
      totalTokenCount: 157,
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 100,
      outputTokens: 57,
      cachedInputTokens: 40,
    })
  })

  it("reads the kinds of Gemini's tokens, and what its tools gave the model", () => {
    const usage = {
      promptTokenCount: 1_000,
      candidatesTokenCount: 60,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 442 },
        { modality: 'IMAGE', tokenCount: 258 },
        { modality: 'AUDIO', tokenCount: 200 },
        { modality: 'AUDIO', tokenCount: 100 },
      ],
      candidatesTokensDetails: [
        { modality: 'AUDIO', tokenCount: 40 },
        { modality: 'IMAGE', tokenCount: 20 },
      ],
      toolUsePromptTokenCount: 30,
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 1_030,
      outputTokens: 60,
      audioInputTokens: 300,
      audioOutputTokens: 40,
      imageInputTokens: 258,
      imageOutputTokens: 20,
    })
    for (const details of [{}, 'AUDIO', [null], [{ modality: 'AUDIO', tokenCount: -1 }]]) {
      expect(readUsage({ ...usage, promptTokensDetails: details })).toBeUndefined()
    }
  })

  it('takes null for absent, as providers write it', () => {
    expect(
      readUsage({ prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null }),
    ).toEqual({ inputTokens: 1, outputTokens: 2 })
    expect(
      readUsage({
        input_tokens: 1,
        output_tokens: 2,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: null,
      }),
    ).toEqual({ inputTokens: 1, outputTokens: 2 })
    expect(readUsage({ input_tokens: null, output_tokens: 2 })).toEqual({
      inputTokens: 0,
      outputTokens: 2,
    })
  })

  it('cuts a part that is larger than its whole', () => {
    const usage = {
      inputTokens: 10,
      outputTokens: 5,
      cachedInputTokens: 11,
      audioInputTokens: 12,
      imageInputTokens: 13,
      cacheWriteInputTokens: 14,
      longCacheWriteInputTokens: 15,
      audioOutputTokens: 6,
      imageOutputTokens: 7,
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 10,
      outputTokens: 5,
      cachedInputTokens: 10,
      audioInputTokens: 10,
      imageInputTokens: 10,
      cacheWriteInputTokens: 10,
      longCacheWriteInputTokens: 10,
      audioOutputTokens: 5,
      imageOutputTokens: 5,
    })
  })

  const shapes: readonly (readonly string[])[] = [
    [
      'inputTokens',
      'outputTokens',
      'cachedInputTokens',
      'audioInputTokens',
      'audioOutputTokens',
      'imageInputTokens',
      'imageOutputTokens',
      'cacheWriteInputTokens',
      'longCacheWriteInputTokens',
    ],
    [
      'prompt_tokens',
      'completion_tokens',
      'prompt_tokens_details.cached_tokens',
      'prompt_tokens_details.audio_tokens',
      'prompt_tokens_details.image_tokens',
      'prompt_tokens_details.cache_write_tokens',
      'completion_tokens_details.audio_tokens',
      'completion_tokens_details.image_tokens',
    ],
    [
      'input_tokens',
      'output_tokens',
      'input_tokens_details.cached_tokens',
      'input_tokens_details.audio_tokens',
      'input_tokens_details.image_tokens',
      'input_tokens_details.cache_write_tokens',
      'output_tokens_details.audio_tokens',
      'output_tokens_details.image_tokens',
    ],
    [
      'input_tokens',
      'output_tokens',
      'cache_read_input_tokens',
      'cache_creation_input_tokens',
      'cache_creation.ephemeral_1h_input_tokens',
    ],
    [
      'promptTokenCount',
      'candidatesTokenCount',
      'thoughtsTokenCount',
      'cachedContentTokenCount',
      'toolUsePromptTokenCount',
    ],
  ]

  const badNumbers = [
    -1,
    -0.5,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1_000_000_001,
    2 ** 53,
    '5',
    true,
    [5],
    {},
  ]
  const fields = shapes.flatMap((shape) => shape.map((field) => ({ shape, field })))

  it.for(fields)('believes nothing where $field is no count', ({ shape, field }) => {
    expect(readUsage(usageWith(shape, field, 1_000_000))).toBeDefined()
    for (const bad of badNumbers) {
      expect([bad, readUsage(usageWith(shape, field, bad))]).toEqual([bad, undefined])
    }
  })

  it('believes no sum beyond a billion', () => {
    const most = 1_000_000_000
    expect(readUsage({ input_tokens: most, output_tokens: 0 })?.inputTokens).toBe(most)
    expect(
      readUsage({ input_tokens: most, cache_read_input_tokens: 1, output_tokens: 0 }),
    ).toBeUndefined()
    expect(
      readUsage({ promptTokenCount: 0, candidatesTokenCount: most, thoughtsTokenCount: 1 }),
    ).toBeUndefined()
  })

  it('believes no details that are no object', () => {
    for (const details of ['5', 5, true]) {
      const usage = { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: details }
      expect(readUsage(usage)).toBeUndefined()
    }
  })

  it.for([undefined, null, 5, 'usage', true, [], [1, 2], {}, { total_tokens: 5 }])(
    'finds none in %j',
    (value) => {
      expect(readUsage(value)).toBeUndefined()
    },
  )

  it('does not look at prototypes', () => {
    const inherited: unknown = Object.create({ inputTokens: 5, outputTokens: 5 })
    expect(readUsage(inherited)).toBeUndefined()
    const parsed: unknown = JSON.parse('{"__proto__":{"inputTokens":5},"outputTokens":1}')
    expect(readUsage(parsed)).toEqual({ inputTokens: 0, outputTokens: 1 })
  })

  it('gives whole numbers from 0 up, parts within their wholes, or nothing, for anything', () => {
    const aField = fc.constantFrom(...shapes.flat().map((field) => field.split('.')[0] ?? field))
    const aValue = fc.oneof(
      fc.nat({ max: 100 }),
      fc.double(),
      fc.constantFrom(-0, null, '1', -1),
      fc.record({ cached_tokens: fc.integer(), audio_tokens: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.dictionary(aField, aValue), (value) => {
        const usage = readUsage(value)
        if (usage === undefined) return
        for (const count of Object.values(usage)) {
          if (count === undefined) continue
          expect(Number.isSafeInteger(count) && count >= 0 && !Object.is(count, -0)).toBe(true)
        }
        expect(usage.cachedInputTokens ?? 0).toBeLessThanOrEqual(usage.inputTokens)
        expect(usage.audioInputTokens ?? 0).toBeLessThanOrEqual(usage.inputTokens)
        expect(usage.imageInputTokens ?? 0).toBeLessThanOrEqual(usage.inputTokens)
        expect(usage.cacheWriteInputTokens ?? 0).toBeLessThanOrEqual(usage.inputTokens)
        expect(usage.longCacheWriteInputTokens ?? 0).toBeLessThanOrEqual(usage.inputTokens)
        expect(usage.imageOutputTokens ?? 0).toBeLessThanOrEqual(usage.outputTokens)
        expect(usage.audioOutputTokens ?? 0).toBeLessThanOrEqual(usage.outputTokens)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('addUsage', () => {
  it('adds what there is of each', () => {
    const one = { inputTokens: 9, outputTokens: 1, audioInputTokens: 2, imageOutputTokens: 1 }
    const other = { inputTokens: 5, outputTokens: 2, audioInputTokens: 3, cachedInputTokens: 4 }
    expect(addUsage(one, other)).toEqual({
      inputTokens: 14,
      outputTokens: 3,
      audioInputTokens: 5,
      imageOutputTokens: 1,
      cachedInputTokens: 4,
    })
  })
})

/** A usage of a shape with every number 1,000,000, but for one. */
function usageWith(shape: readonly string[], bad: string, value: unknown): object {
  const usage: Record<string, unknown> = {}
  for (const path of shape) {
    const given = path === bad ? value : 1_000_000
    const [outer = '', inner] = path.split('.')
    const before = usage[outer]
    usage[outer] =
      inner === undefined
        ? given
        : { ...(typeof before === 'object' ? before : undefined), [inner]: given }
  }
  return usage
}
