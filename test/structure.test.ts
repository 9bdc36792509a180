import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dialects } from '@lazu/core'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const adapters = ['express', 'koa', 'fastify']

interface Source {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
}

/** The sources under a folder. */
function sourcesIn(...folder: string[]): readonly Source[] {
  const entries = readdirSync(join(root, ...folder), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  expect(files.length, folder.join('/')).toBeGreaterThan(0)
  return files.map((file) => {
    const path = join(file.parentPath, file.name)
    return {
      path: path.slice(root.length).replaceAll('\\', '/'),
      text: readFileSync(path, 'utf8'),
    }
  })
}

const core = sourcesIn('packages', 'core', 'src')
const guards = sourcesIn('packages', 'core', 'src', 'guards')
const protocols = sourcesIn('packages', 'core', 'src', 'protocols')
const adapterSources = adapters.flatMap((name) => sourcesIn('packages', name, 'src'))

/** What a source imports, types included. */
function importsOf({ text }: Source): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^',]+)'(?!,)/g)].map(
    ([, name = '']) => name,
  )
}

/** The lines of sources that match, each with where it stands. */
function linesWith(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => `${path}:${index + 1}: ${line.trim()}`)
      .filter((_, index) => pattern.test(text.split('\n')[index] ?? '')),
  )
}

const dialectNames = Object.keys(dialects)
/** The default one is called as the project is. */
const otherDialects = new RegExp(dialectNames.filter((name) => name !== 'lazu').join('|'), 'i')
const protocolNames = /openai|anthropic|gemini|rfc ?9457/i

describe('the names of dialects and protocols', () => {
  it('are looked for', () => {
    expect('a TokenDog').toMatch(otherDialects)
    expect('isGemini').toMatch(protocolNames)
    expect(linesWith([{ path: 'a.ts', text: 'one\n two\n' }], /two/)).toEqual(['a.ts:2: two'])
  })

  it('of dialects occur in no guard, no protocol and no adapter', () => {
    expect(linesWith([...guards, ...protocols, ...adapterSources], otherDialects)).toEqual([])
    for (const source of [...guards, ...protocols]) {
      const data = importsOf(source).filter((name) => name.includes('/dialects/'))
      expect([[], ['../dialects/dialect.js']]).toContainEqual(data)
    }
    expect(linesWith([...guards, ...protocols], /['"`]lazu['"`]/)).toEqual([])
    // An adapter does not even know that there are dialects.
    expect(linesWith(adapterSources, /dialect/i)).toEqual([])
  })

  it('of dialects occur, but for examples in comments, in their own folder only', () => {
    const rest = core.filter(({ path }) => !path.startsWith('packages/core/src/dialects/'))
    const code = linesWith(rest, otherDialects).filter((line) => !/^\S+: \/?\*/.test(line))
    expect(code).toEqual([])
  })

  it('of protocols occur in no guard and no adapter', () => {
    expect(linesWith([...guards, ...adapterSources], protocolNames)).toEqual([])
    expect(linesWith([...guards, ...adapterSources], /['"`]problem['"`]|problem\+json/)).toEqual([])
  })
})

describe.each(dialectNames)('the dialect %s', (name) => {
  const source = core.find(({ path }) => path === `packages/core/src/dialects/${name}.ts`)

  it('is a file of data', () => {
    const text = source?.text ?? ''
    expect(text).toContain(`export const ${name}: Dialect = {`)
    const code = text.replaceAll(/'[^'\n]*'|"[^"\n]*"|\/\*[\s\S]*?\*\//g, '')
    expect(code).not.toMatch(/=>|\bfunction\b|\bclass\b|\bnew\b|`|\.\.\.|\?|\(/)
    expect(importsOf({ path: name, text })).toEqual(['./dialect.js'])
    expect(text.match(/^(?:export )?(?:const|let|var) /gm)).toHaveLength(1)
  })
})

describe('the house', () => {
  it('of core has no framework and no client of a store in it', () => {
    const { dependencies } = packageJson('core')
    expect(Object.keys(dependencies).toSorted()).toEqual(['rate-limiter-flexible', 'zod'])
    for (const source of core) {
      const outside = outsideOf(source)
      const allowed = outside.filter((name) => name in dependencies || isBuiltIn(name))
      expect(outside, source.path).toEqual(allowed)
    }
  })

  it.each(adapters)('of %s imports core and its framework only', (name) => {
    const allowed = ['@lazu/core', '@lazu/core/app', name]
    // What makes a plugin act outside itself is a part of the framework.
    if (name === 'fastify') allowed.push('fastify-plugin')
    for (const source of sourcesIn('packages', name, 'src')) {
      const outside = outsideOf(source).filter((imported) => !isBuiltIn(imported))
      expect(outside.filter((imported) => !allowed.includes(imported))).toEqual([])
    }
  })

  it('has an index.ts in each package that only exports what is elsewhere', () => {
    const indexes = [...core, ...adapterSources].filter(({ path }) =>
      /^packages\/\w+\/src\/(index|app)\.ts$/.test(path),
    )
    expect(indexes.map(({ path }) => path).toSorted()).toEqual([
      'packages/core/src/app.ts',
      'packages/core/src/index.ts',
      ...adapters.map((name) => `packages/${name}/src/index.ts`).toSorted(),
    ])
    for (const { path, text } of indexes) {
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
      // An import of nothing brings what a package adds to its framework's types.
      const exports = /(?:export (?:type )?(?:\*|\{[^}]*\}) from|import) '[^']+'(?=\n)/g
      expect(code.replaceAll(exports, '').trim(), path).toBe('')
    }
  })

  it('has no source of more than 320 lines', () => {
    const all = readdirSync(join(root, 'packages')).flatMap((name) =>
      sourcesIn('packages', name, 'src'),
    )
    const long = [...all, ...sourcesIn('examples'), ...sourcesIn('bench', 'src')]
      .filter(({ path }) => !/\/(?:node_modules|dist)\//.test(path))
      .map(({ path, text }) => [path, text.split('\n').length - 1] as const)
      .filter(([, lines]) => lines > 320)
    expect(long).toEqual([])
  })

  it('has no file that nobody imports', () => {
    for (const name of ['core', ...adapters]) {
      const sources = sourcesIn('packages', name, 'src')
      const imported = new Set(
        sources.flatMap((source) => importsOf(source).map((path) => basename(path, '.js'))),
      )
      const alone = sources
        .map(({ path }) => basename(path, '.ts'))
        .filter((file) => !entriesOf(name).has(file) && !imported.has(file))
      expect(alone).toEqual([])
    }
  })
})

/** The files of a package that users import, by their names. */
function entriesOf(name: string): ReadonlySet<string> {
  const text = readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')
  const { exports }: { exports: Record<string, { default: string }> } = JSON.parse(text)
  return new Set(Object.values(exports).map((entry) => basename(entry.default, '.js')))
}

/** What a source imports from outside its package. */
function outsideOf(source: Source): string[] {
  return importsOf(source).filter((name) => !name.startsWith('.'))
}

function isBuiltIn(name: string): boolean {
  return name.startsWith('node:') && builtinModules.includes(name.slice('node:'.length))
}

function packageJson(name: string): { readonly dependencies: Readonly<Record<string, string>> } {
  const text = readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')
  const parsed: { dependencies?: Record<string, string> } = JSON.parse(text)
  return { dependencies: parsed.dependencies ?? {} }
}
