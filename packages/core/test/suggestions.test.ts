import { ConfigurationError, createModelSuggester, editDistance } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const everything = (): boolean => true

const models = ['gpt-5', 'gpt-5-mini', 'gpt-4.1', 'claude-sonnet-4.5', 'gemini-2.5-pro', 'o3']

/** The distance as textbooks compute it, from the whole table. */
function textbookDistance(a: string, b: string): number {
  const table = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let line = 1; line <= a.length; line++) {
    const above = table[line - 1] ?? []
    const cells = [line]
    for (let column = 1; column <= b.length; column++) {
      const same = a[line - 1] === b[column - 1]
      cells.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (cells[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + (same ? 0 : 1),
        ),
      )
    }
    table.push(cells)
  }
  return table[a.length]?.[b.length] ?? 0
}

/** A name in the form in which case, hyphens, underscores, dots and spaces do not count. */
function plain(name: string): string {
  return ['-', '_', '.', ' '].reduce((rest, mark) => rest.split(mark).join(''), name.toLowerCase())
}

/** Few letters, so that names are near each other. */
const nearText = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
const modelName = fc.string({
  unit: fc.constantFrom('a', 'b', 'B', '4', '-', '.'),
  minLength: 1,
  maxLength: 9,
})

describe('the edit distance', () => {
  it('is what textbooks compute, as far as it is wanted', () => {
    fc.assert(
      fc.property(nearText, nearText, fc.integer({ min: 0, max: 5 }), (a, b, most) => {
        const distance = textbookDistance(a, b)
        expect(editDistance(a, b, most)).toBe(distance <= most ? distance : undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is right for text of any kind, lone surrogates included', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 })
    const cut = text.map((whole) => whole.slice(0, -1))
    fc.assert(
      fc.property(fc.oneof(text, cut), fc.oneof(text, cut), (a, b) => {
        const distance = textbookDistance(a, b)
        expect(editDistance(a, b, 12)).toBe(distance <= 12 ? distance : undefined)
      }),
    )
  })

  it('finds a few edits in long names', () => {
    const edit = fc.tuple(fc.nat(60), fc.constantFrom('', 'x', 'y'))
    const long = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 50, maxLength: 64 })
    fc.assert(
      fc.property(long, fc.array(edit, { maxLength: 3 }), (name, edits) => {
        let edited = name
        for (const [place, text] of edits) {
          edited = edited.slice(0, place) + text + edited.slice(place + 1)
        }
        expect(editDistance(name, edited, 3)).toBe(textbookDistance(name, edited))
      }),
    )
  })

  it('is not computed for texts of which no model has the length', () => {
    const long = 'a'.repeat(129)
    expect(editDistance(long, long, 3)).toBeUndefined()
    expect(editDistance('a'.repeat(10_000), 'a', 3)).toBeUndefined()
  })
})

describe('suggestions for an unknown model', () => {
  it('go by the alias table first', () => {
    const suggest = createModelSuggester(models, {
      'gpt-5-nano': 'o3',
      sonnet: 'claude-sonnet-4.5',
    })
    expect(suggest('sonnet', everything)).toEqual({
      did_you_mean: 'claude-sonnet-4.5',
      suggestions: ['claude-sonnet-4.5'],
    })
    expect(suggest('gpt-5-nano', everything)).toEqual({
      did_you_mean: 'o3',
      suggestions: ['o3', 'gpt-5-mini'],
    })
  })

  it('know an alias in any spelling, and the exact one best', () => {
    const suggest = createModelSuggester(models, { 'flag-ship': 'gpt-5', flagship: 'o3' })
    expect(suggest('flag-ship', everything).did_you_mean).toBe('gpt-5')
    expect(suggest('flagship', everything).did_you_mean).toBe('o3')
    expect(suggest('Flag Ship', everything).did_you_mean).toBe('gpt-5')
  })

  it.each([
    ['GPT-5', 'gpt-5'],
    ['gpt_5_mini', 'gpt-5-mini'],
    ['Claude Sonnet 4.5', 'claude-sonnet-4.5'],
    ['claude-sonnet-4-5', 'claude-sonnet-4.5'],
    ['gemini25pro', 'gemini-2.5-pro'],
    ['O-3', 'o3'],
  ])('find %j in another spelling: %j', (name, model) => {
    expect(createModelSuggester(models)(name, everything).did_you_mean).toBe(model)
  })

  it('find another spelling before a name that is near', () => {
    const suggest = createModelSuggester(['gpt-51', 'gpt-5-1x', 'gpt-5.1'])
    expect(suggest('GPT 5 1', everything).suggestions).toEqual(['gpt-51', 'gpt-5.1', 'gpt-5-1x'])
  })

  it('find another spelling of a name that is too long to be compared', () => {
    const long = `gpt-${'5'.repeat(70)}`
    const suggest = createModelSuggester([long])
    expect(suggest(long.toUpperCase(), everything).did_you_mean).toBe(long)
    expect(suggest(`${long}5`, everything).suggestions).toEqual([])
  })

  it.each([
    ['gpt-5-mni', 'gpt-5-mini'],
    ['gtp-5', 'gpt-5'],
    ['claude-sonet-4_5', 'claude-sonnet-4.5'],
    ['claude-sonnet-4.5-v2', 'claude-sonnet-4.5'],
    ['gemini-2.5-prooo', 'gemini-2.5-pro'],
    ['gemni-2.5-po', 'gemini-2.5-pro'],
    ['o4', 'o3'],
  ])('forgive a few wrong characters in %j: %j', (name, model) => {
    expect(createModelSuggester(models)(name, everything).did_you_mean).toBe(model)
  })

  it('do not guess where hardly anything is right', () => {
    const suggest = createModelSuggester(['o3', 'gpt-5'])
    for (const name of ['xyz', 'ab', 'llama', 'g']) {
      expect(suggest(name, everything)).toEqual({ suggestions: [] })
    }
  })

  it('are the three nearest, the nearest first', () => {
    const suggest = createModelSuggester([
      'abcdefxyz',
      'abcdefgh',
      'abcdef12',
      'abcdef1',
      'abcdefg',
    ])
    expect(suggest('abcdefgi', everything)).toEqual({
      did_you_mean: 'abcdefgh',
      suggestions: ['abcdefgh', 'abcdefg', 'abcdef12'],
    })
  })

  it('are the nearest that a search through all models finds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(modelName, { maxLength: 20 }), modelName, (names, name) => {
        const wanted = plain(name)
        fc.pre(wanted !== '')
        const distances = names
          .filter((model) => plain(model) !== '')
          .map((model) => {
            const distance = textbookDistance(wanted, plain(model))
            const half = Math.max(wanted.length, plain(model).length) / 2
            return distance <= 3 && distance <= half ? distance : undefined
          })
          .filter((distance) => distance !== undefined)
          .toSorted((a, b) => a - b)
          .slice(0, 3)
        const { did_you_mean, suggestions } = createModelSuggester(names)(name, everything)
        expect(suggestions.map((model) => textbookDistance(wanted, plain(model)))).toEqual(
          distances,
        )
        expect(new Set(suggestions).size).toBe(suggestions.length)
        expect(did_you_mean).toBe(suggestions[0])
      }),
      { numRuns: 1_000 },
    )
  })

  it('name a model once, however often it is listed', () => {
    const suggest = createModelSuggester(['gpt-5', 'gpt-5'], { GPT5: 'gpt-5' })
    expect(suggest('GPT5', everything).suggestions).toEqual(['gpt-5'])
  })
})

describe('a model the request may not be told of', () => {
  const suggest = createModelSuggester(models, { best: 'gpt-5' })

  it('is not suggested for its alias, its other spelling or a near name', () => {
    const others = models.filter((model) => model !== 'gpt-5')
    for (const name of ['best', 'GPT5', 'gpt-5', 'gtp-5']) {
      expect(suggest(name, others).suggestions).not.toContain('gpt-5')
      expect(suggest(name, (model) => model !== 'gpt-5').suggestions).not.toContain('gpt-5')
    }
  })

  it('gives its place to the next one', () => {
    const twins = createModelSuggester(['secret-1a', 'secret-1b', 'secret-1c', 'secret-1d'])
    expect(twins('secret-1x', ['secret-1d'])).toEqual({
      did_you_mean: 'secret-1d',
      suggestions: ['secret-1d'],
    })
  })

  it('is none of the suggestions for any name', () => {
    const subset = fc.subarray(models)
    const name = fc.oneof(fc.constantFrom(...models, 'best'), modelName)
    fc.assert(
      fc.property(subset, name, (allowed, asked) => {
        for (const model of suggest(asked, allowed).suggestions) expect(allowed).toContain(model)
      }),
    )
  })

  it('is every model when the list is empty, and whatever only the list has', () => {
    expect(suggest('GPT5', [])).toEqual({ suggestions: [] })
    expect(suggest('gpt-6-max', ['gpt-6-maxi'])).toEqual({ suggestions: [] })
  })
})

describe('hostile names', () => {
  const suggest = createModelSuggester(models, { best: 'gpt-5', '-': 'o3' })

  it.each([
    ['nothing', ''],
    ['only separators', '-_. '],
    ['a prototype', '__proto__'],
    ['a constructor', 'constructor'],
    ['a method', 'toString'],
    ['NUL', '\0'],
    ['a lone surrogate', '\ud800'],
    ['10 kB', 'x'.repeat(10_000)],
    ['10 kB around a model', `gpt-5${'-'.repeat(10_000)}`],
    ['letters that grow in lower case', 'İ'.repeat(64)],
  ])('suggest nothing: %s', (_, name) => {
    expect(suggest(name, everything)).toEqual({ suggestions: [] })
  })

  it('are never a part of what is suggested', () => {
    expect(suggest('gpt-5\0', everything).suggestions).toEqual(['gpt-5', 'gpt-4.1'])
    expect(suggest('\ud800gpt-5-mini', everything).suggestions).toEqual(['gpt-5-mini'])
  })

  it('are taken as names where a model has them', () => {
    const odd = createModelSuggester(['__proto__', 'constructor'])
    expect(odd('PROTO', everything).did_you_mean).toBe('__proto__')
    expect(odd('constructr', everything).did_you_mean).toBe('constructor')
  })

  it('are compared with a thousand models at most', () => {
    const many = Array.from(
      { length: 5_000 },
      (_, index) => `model-${String(index).padStart(5, '0')}`,
    )
    let asked = 0
    const count = (): boolean => {
      asked++
      return true
    }
    // None of them is near, so the search goes on to its end.
    expect(createModelSuggester(many)('zzzzzzzzzz', count).suggestions).toEqual([])
    expect(asked).toBeLessThanOrEqual(1_001)
    expect(asked).toBeGreaterThan(900)
  })

  it('of any kind neither throw nor bring more than three of the models', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const { suggestions } = suggest(name, everything)
        expect(suggestions.length).toBeLessThanOrEqual(3)
        for (const model of suggestions) expect(models).toContain(model)
      }),
    )
  })
})

function buildWithMistake(): unknown {
  return createModelSuggester(models, { best: 'gpt-6' }, 'lazu().aliases')
}

describe('the alias table', () => {
  it('is refused when it names a model that is not there', () => {
    expect(buildWithMistake).toThrow(ConfigurationError)
    expect(buildWithMistake).toThrow(
      'lazu().aliases["best"] is "gpt-6", which is none of the models',
    )
  })

  it('takes names that objects have already', () => {
    const aliases: Record<string, string> = JSON.parse('{"__proto__":"o3","toString":"gpt-5"}')
    const suggest = createModelSuggester(models, aliases)
    expect(suggest('__proto__', everything).did_you_mean).toBe('o3')
    expect(suggest('toString', everything).did_you_mean).toBe('gpt-5')
  })
})
