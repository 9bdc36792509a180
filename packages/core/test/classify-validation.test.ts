import { classify, type Condition } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { z as z3 } from 'zod/v3'

function classified(thrown: unknown): { condition: Condition; param: string | undefined } {
  const { condition, param } = classify(thrown)
  return { condition, param }
}

describe('a validation error', () => {
  const schema = { role: ['system', 'user'], n: [1, 8] } as const
  const body4 = z.strictObject({
    model: z.string().min(1),
    n: z.int().min(schema.n[0]).max(schema.n[1]).optional(),
    messages: z.array(z.strictObject({ role: z.enum(schema.role), content: z.string() })).min(1),
    stop: z.union([z.string(), z.array(z.string().max(4)).max(4)]).optional(),
    email: z.email().optional(),
  })
  const body3 = z3
    .object({
      model: z3.string().min(1),
      n: z3.number().int().min(schema.n[0]).max(schema.n[1]).optional(),
      messages: z3
        .array(z3.object({ role: z3.enum(schema.role), content: z3.string() }).strict())
        .min(1),
      stop: z3.union([z3.string(), z3.array(z3.string().max(4)).max(4)]).optional(),
      email: z3.string().email().optional(),
    })
    .strict()
  const good = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] }

  const cases: readonly [string, object, Condition, string | undefined][] = [
    ['a missing field', { ...good, model: undefined }, 'parameter_missing', 'model'],
    ['a missing list', { model: 'm' }, 'parameter_missing', 'messages'],
    [
      'one deep inside',
      { ...good, messages: [{ role: 'user' }] },
      'parameter_missing',
      'messages[0].content',
    ],
    ['a wrong type', { ...good, model: 7 }, 'parameter_invalid', 'model'],
    ['null', { ...good, model: null }, 'parameter_invalid', 'model'],
    ['no list', { ...good, messages: {} }, 'parameter_invalid', 'messages'],
    ['half a number', { ...good, n: 1.5 }, 'parameter_invalid', 'n'],
    ['an unknown field', { ...good, evil: 1 }, 'parameter_invalid', 'evil'],
    [
      'one deep in a list',
      { ...good, messages: [{ role: 'user', content: '', evil: 1 }] },
      'parameter_invalid',
      'messages[0].evil',
    ],
    ['an empty text', { ...good, model: '' }, 'value_invalid', 'model'],
    ['too small', { ...good, n: 0 }, 'value_invalid', 'n'],
    ['too large', { ...good, n: 9 }, 'value_invalid', 'n'],
    ['an empty list', { ...good, messages: [] }, 'value_invalid', 'messages'],
    [
      'a word that is none of them',
      { ...good, messages: [{ role: 'waiter', content: '' }] },
      'value_invalid',
      'messages[0].role',
    ],
    [
      'a number for a word',
      { ...good, messages: [{ role: 7, content: '' }] },
      'parameter_invalid',
      'messages[0].role',
    ],
    ['a text in the wrong form', { ...good, email: 'nobody' }, 'value_invalid', 'email'],
    [
      'the branch of a union that got furthest',
      { ...good, stop: ['stop', 'stopping'] },
      'value_invalid',
      'stop[1]',
    ],
    ['no branch of a union', { ...good, stop: 7 }, 'parameter_invalid', 'stop'],
  ]

  it.each(cases)('of zod 4, with the input: %s', (_, body, condition, param) => {
    const { error } = body4.safeParse(body, { reportInput: true })
    expect(error).toBeInstanceOf(z.ZodError)
    expect(classified(error)).toMatchObject({ condition, param })
  })

  // Whether the input had the right type cannot be told from an issue of a choice alone.
  it.each(cases.filter(([name]) => name !== 'a number for a word'))(
    'of zod 4, as it is thrown: %s',
    (_, body, condition, param) => {
      expect(classified(body4.safeParse(body).error)).toMatchObject({ condition, param })
    },
  )

  it.each(cases)('of zod 3: %s', (_, body, condition, param) => {
    const { error } = body3.safeParse(body)
    expect(error).toBeInstanceOf(z3.ZodError)
    expect(classified(error)).toMatchObject({ condition, param })
  })

  it('that was thrown by parse() is the same', () => {
    const thrown = (() => {
      try {
        return body4.parse({})
      } catch (error) {
        return error
      }
    })()
    expect(classified(thrown)).toMatchObject({ condition: 'parameter_missing', param: 'model' })
  })

  it('of the whole body has no param', () => {
    expect(classified(body4.safeParse('text').error)).toMatchObject({
      condition: 'parameter_invalid',
      param: undefined,
    })
  })

  it.each<[object, Condition, string | undefined]>([
    [
      { keyword: 'required', instancePath: '/a/0', params: { missingProperty: 'b' } },
      'parameter_missing',
      'a[0].b',
    ],
    [
      { keyword: 'type', instancePath: '/a~1b/c~0d', params: { type: 'string' } },
      'parameter_invalid',
      'a/b.c~d',
    ],
    [
      { keyword: 'additionalProperties', instancePath: '', params: { additionalProperty: 'evil' } },
      'parameter_invalid',
      'evil',
    ],
    [{ keyword: 'maximum', instancePath: '/n', params: { limit: 8 } }, 'value_invalid', 'n'],
    [{ keyword: 'oneOf', instancePath: '', params: {} }, 'value_invalid', undefined],
  ])('of Fastify: %j', (issue, condition, param) => {
    const thrown = Object.assign(new Error('SECRET'), { statusCode: 400, validation: [issue] })
    expect(classified(thrown)).toMatchObject({ condition, param })
  })
})
