import { catalogue, formatError, GatewayError, openapiResponses } from '@lazu/core'
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { all, everyCondition, exchangeWith, protocols, validatorOf } from './error-schemas.js'

interface Schemas {
  readonly type: string
  readonly minimum?: number
}

describe.each(all.flatMap((dialect) => [true, false].map((native) => ({ dialect, native }))))(
  'the OpenAPI block of $dialect.name (native: $native)',
  ({ dialect, native }) => {
    const responses = openapiResponses(dialect, native)
    const names = Object.keys(responses)

    it('is valid in a document of OpenAPI 3.1', async () => {
      const validator = new Validator()
      const references = names.map((name) => [
        name.slice('Error'.length),
        { $ref: `#/components/responses/${name}` },
      ])
      const result = await validator.validate({
        openapi: '3.1.0',
        info: { title: 'Errors', version: '1' },
        paths: { '/v1/chat': { post: { responses: Object.fromEntries(references) } } },
        components: { responses: structuredClone(responses) },
      })
      expect(result).toEqual({ valid: true })
      expect(validator.version).toBe('3.1')
      const { responses: broken } = { responses: { Error401: { ...responses['Error401'] } } }
      Reflect.deleteProperty(broken.Error401, 'description')
      const document = { openapi: '3.1.0', info: { title: 'E', version: '1' } }
      const wrong = { ...document, components: { responses: broken } }
      expect((await validator.validate(wrong)).valid).toBe(false)
    })

    it('has a response for each status, with its codes', () => {
      const statuses = new Set(catalogue(dialect).map(({ status }) => status))
      expect(names).toEqual([...statuses].toSorted((one, two) => one - two).map((s) => `Error${s}`))
      for (const { status, code } of catalogue(dialect)) {
        expect(responses[`Error${status}`]?.description.split(/, | /)).toContain(code)
      }
    })

    it('names no JSON Schema dialect inside a schema', () => {
      expect(JSON.stringify(responses)).not.toContain('$schema')
    })

    it('takes every error, in each protocol, and its headers', () => {
      const problemsWith = new Map(
        Object.entries(responses).map(([name, { content }]) => [
          name,
          validatorOf(content['application/json']?.schema ?? {}),
        ]),
      )
      for (const protocol of native ? protocols : ['openai' as const]) {
        const exchange = exchangeWith({ dialect, protocol })
        exchange.announceRequestId()
        for (const condition of everyCondition) {
          const { status, headers, body } = formatError(new GatewayError(condition), exchange)
          const name = `Error${status}`
          expect(problemsWith.get(name)?.(JSON.parse(body)), body).toBe(undefined)
          const sent = { ...headers, ...exchange.raw.response.getHeaders() }
          for (const [header, { schema }] of Object.entries(responses[name]?.headers ?? {})) {
            const { type, minimum = -Infinity }: Schemas = { type: '', ...schema }
            const value = String(Reflect.get(sent, header) ?? 'absent')
            expect(value, `${name} ${header}`).not.toBe('absent')
            const isWhole = /^\d+$/.test(value) && Number(value) >= minimum
            expect([type === 'string', type === 'integer' && isWhole]).toContain(true)
          }
          expect(sent['content-type']).toMatch(/^application\/json\b/)
        }
      }
    })
  },
)
