import { ConcurrencyMemory } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('counting what is in flight', () => {
  it('lets in as many as the limit says, and one more when one has left', () => {
    const counter = new ConcurrencyMemory()
    const answers = Array.from({ length: 200 }, () => counter.enter('key', 3))
    expect(answers.filter(Boolean)).toHaveLength(3)
    expect(counter.inFlight('key')).toBe(3)
    counter.exit('key')
    expect(counter.enter('key', 3)).toBe(true)
    expect(counter.enter('key', 3)).toBe(false)
  })

  it.each([0, -1, Number.NaN])('lets nobody in at a limit of %d', (limit) => {
    const counter = new ConcurrencyMemory()
    expect(counter.enter('key', limit)).toBe(false)
    expect(counter.inFlight('key')).toBe(0)
  })

  it('obeys a limit that became smaller while requests were in flight', () => {
    const counter = new ConcurrencyMemory()
    for (let entered = 0; entered < 5; entered += 1) counter.enter('key', 5)
    counter.exit('key')
    expect(counter.enter('key', 2)).toBe(false)
    expect(counter.inFlight('key')).toBe(4)
  })

  it('counts each key by itself, whatever it is called', () => {
    const counter = new ConcurrencyMemory()
    for (const key of ['__proto__', 'constructor', 'toString', '']) {
      expect(counter.inFlight(key)).toBe(0)
      expect(counter.enter(key, 1)).toBe(true)
      expect(counter.enter(key, 1)).toBe(false)
    }
  })

  it('never goes below 0, whatever comes and leaves', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b'), enters: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
        const counter = new ConcurrencyMemory()
        const expected = { a: 0, b: 0 }
        const answers: boolean[] = []
        for (const { key, enters } of steps) {
          const isFree = expected[key] < limit
          if (enters) answers.push(counter.enter(key, limit) === isFree)
          else counter.exit(key)
          if (enters && isFree) expected[key] += 1
          if (!enters && expected[key] > 0) expected[key] -= 1
          expect(counter.inFlight(key)).toBe(expected[key])
        }
        expect(answers).not.toContain(false)
      }),
    )
  })
})
