import { classify, formatError, lazuDialect } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const fail = (): never => {
  throw new Error('SECRET')
}

const traps: ProxyHandler<object> = {
  get: fail,
  has: fail,
  set: fail,
  ownKeys: fail,
  getPrototypeOf: fail,
  getOwnPropertyDescriptor: fail,
  defineProperty: fail,
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function withGetters(...names: string[]): object {
  const object = {}
  for (const name of names) Object.defineProperty(object, name, { enumerable: true, get: fail })
  return object
}

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

function cycle(): Error {
  const error = new Error('SECRET')
  error.cause = new Error('SECRET', { cause: error })
  return error
}

/** An error at the end of a long chain of causes. */
function deep(depth: number): Error {
  let error = Object.assign(new Error('SECRET'), { code: 'ECONNREFUSED' })
  for (let level = 0; level < depth; level++)
    error = Object.assign(new Error('SECRET'), { cause: error, code: '' })
  return error
}

describe('what nobody foresaw', () => {
  it.each<[string, unknown]>([
    ['an Error', new Error('SECRET')],
    ['a TypeError of ours', new TypeError('SECRET')],
    ['a RangeError', new RangeError('SECRET')],
    ['a text', 'SECRET'],
    ['an empty text', ''],
    ['null', null],
    ['undefined', undefined],
    ['a number', 404],
    ['NaN', NaN],
    ['a boolean', false],
    ['a BigInt', 1n],
    ['a symbol', Symbol('SECRET')],
    ['a function', fail],
    ['a list', [404]],
    ['an empty object', {}],
    ['an object without a prototype', Object.create(null)],
    ['a Date', new Date(NaN)],
    ['a promise', Promise.resolve()],
    ['a Proxy that throws', new Proxy({}, traps)],
    ['a Proxy of a function', new Proxy(fail, { apply: fail })],
    ['a revoked Proxy', revoked()],
    ['getters that throw', withGetters('name', 'message', 'status', 'code', 'cause', 'issues')],
    ['a cycle of causes', cycle()],
    ['a cause that throws', Object.assign(new Error('SECRET'), { cause: new Proxy({}, traps) })],
    ['a revoked cause', Object.assign(new Error('SECRET'), { cause: revoked() })],
    ['a cause further away than anybody looks', deep(100)],
    ['issues that are revoked', { name: 'ZodError', issues: revoked() }],
    ['issues that are none', { name: 'ZodError', issues: [] }],
    ['a validation that is revoked', { validation: revoked() }],
    ['a response that is revoked', { response: revoked() }],
    ['headers that are revoked', { headers: revoked() }],
    ['an AggregateError', new AggregateError([new Error('SECRET')], 'SECRET')],
  ])('is an internal error that says nothing: %s', (_, thrown) => {
    const error = classify(thrown)
    expect(error).toMatchObject({
      condition: 'internal_error',
      status: 500,
      message: 'Internal server error.',
    })
    const { body, headers } = formatError(error, { dialect: lazuDialect, requestId: 'req_1' })
    expect(body + JSON.stringify(headers)).not.toContain('SECRET')
  })

  it('keeps what was thrown for the log', () => {
    for (const thrown of [new Error('SECRET'), 'SECRET', null, 42]) {
      expect(classify(thrown).cause).toBe(thrown)
    }
  })

  it('finds the code of a cause that is near', () => {
    expect(classify(deep(3)).condition).toBe('upstream_unreachable')
  })

  it('of JSON.stringify is told apart', () => {
    const loop: { self?: object } = {}
    loop.self = loop
    for (const value of [loop, { big: 1n }]) {
      const error = classify(thrownBy(() => JSON.stringify(value)))
      expect(error).toMatchObject({ condition: 'serialization_failed', status: 500 })
    }
  })

  it('never makes classify throw, or leak', () => {
    const name = fc.constantFrom('status', 'statusCode', 'code', 'type', 'name', 'expose', 'cause')
    const more = fc.constantFrom('issues', 'validation', 'headers', 'response', 'errors', 'path')
    const words = fc.constantFrom('ZodError', 'AbortError', 'ECONNRESET', 'entity.too.large')
    const thing = fc.anything({
      key: fc.oneof(name, more),
      values: [fc.integer({ min: 300, max: 700 }), words, fc.constant('SECRET'), fc.boolean()],
      withNullPrototype: true,
      maxDepth: 3,
    })
    fc.assert(
      fc.property(thing, fc.boolean(), (members, isError) => {
        const isObject = typeof members === 'object' && members !== null
        const thrown = isError && isObject ? Object.assign(new Error('SECRET'), members) : members
        const error = classify(thrown)
        const reply = formatError(error, { dialect: lazuDialect, requestId: 'req_1' })
        expect(reply.status).toBe(error.status)
        expect(reply.status).toBeGreaterThanOrEqual(400)
        expect(Object.keys(JSON.parse(reply.body))).toEqual(['error'])
      }),
      { numRuns: 2_000 },
    )
  })
})
