import { ConfigurationError } from '../lib/configuration-error.js'
import { editDistance } from './edit-distance.js'

/** What may have been meant by the name of a model that there is not, as errors tell it. */
export interface ModelSuggestions {
  /** The likeliest, the first of the suggestions; left out when there are none. */
  readonly did_you_mean?: string
  /** At most three, the likeliest first. Always names of the server's own, never a caller's text. */
  readonly suggestions: readonly string[]
}

/** Which models a request may be told of: their names, or a function that knows. */
export type SuggestableModels = readonly string[] | ((model: string) => boolean)

/** Finds what may have been meant by a name, among the models this request may be told of. */
export type ModelSuggester = (name: string, allowed: SuggestableModels) => ModelSuggestions

/** How many models are suggested at most. */
const mostSuggestions = 3
/** How many characters may be wrong. */
const farthest = 3
/** Longer names are looked up, but compared with none. */
const longestCompared = 64
/** No model's name is longer; what is longer is not looked at. */
const longestName = 256
/** So many models are compared with a name, those of about its length. */
const mostCompared = 1_000

/** A model's name, and the form it is compared in. */
interface Entry {
  readonly name: string
  readonly normal: string
}

/**
 * Suggests models for a name that is none: first what the alias table says, then the same name in
 * another spelling (case, hyphens, underscores, dots and spaces do not count), then names that are
 * up to three edits away. Half of a name must be right, so that `o3` is not suggested for `xyz`. The
 * work for one name is bounded, however long it is and however many models there are.
 *
 * @param models the names of all models, those included that not every request may be told of
 * @param aliases names that callers use, and the model each of them means
 * @param path what the aliases are called in the options, for the error
 * @throws ConfigurationError for an alias of a model that is not there
 *
 * @example
 * ```ts
 * const suggest = createModelSuggester(['gpt-5', 'gpt-5-mini'], { chatgpt: 'gpt-5' })
 * suggest('GPT5 mini', () => true)
 * // { did_you_mean: 'gpt-5-mini', suggestions: ['gpt-5-mini'] }
 * ```
 */
export function createModelSuggester(
  models: readonly string[],
  aliases: Readonly<Record<string, string>> = {},
  path: string = 'aliases',
): ModelSuggester {
  const index = new ModelIndex(models, aliases, path)
  return (name, allowed) => index.suggest(name, allowed)
}

class ModelIndex {
  readonly #aliases = new Map<string, string>()
  readonly #aliasesByNormal = new Map<string, string>()
  readonly #byNormal = new Map<string, string[]>()
  readonly #byLength = new Map<number, Entry[]>()

  constructor(models: readonly string[], aliases: Readonly<Record<string, string>>, path: string) {
    const names = new Set(models)
    for (const name of names) {
      const normal = normalForm(name)
      if (normal === '') continue
      add(this.#byNormal, normal, name)
      add(this.#byLength, normal.length, { name, normal })
    }
    for (const [alias, model] of Object.entries(aliases)) {
      if (!names.has(model)) throw unknownModel(alias, model, path)
      this.#aliases.set(alias, model)
      const normal = normalForm(alias)
      const isFirst = normal !== '' && !this.#aliasesByNormal.has(normal)
      if (isFirst) this.#aliasesByNormal.set(normal, model)
    }
  }

  suggest(name: string, allowed: SuggestableModels): ModelSuggestions {
    if (name.length > longestName) return { suggestions: [] }
    const isAllowed = allowedIn(allowed)
    const found: string[] = []
    const normal = normalForm(name)
    const meant = this.#aliases.get(name) ?? this.#aliasesByNormal.get(normal)
    if (meant !== undefined && isAllowed(meant)) found.push(meant)
    for (const model of this.#byNormal.get(normal) ?? []) {
      if (found.length < mostSuggestions && !found.includes(model) && isAllowed(model)) {
        found.push(model)
      }
    }
    if (name.length <= longestCompared) this.#addNearest(normal, isAllowed, found)
    const [first] = found
    return first === undefined ? { suggestions: [] } : { did_you_mean: first, suggestions: found }
  }

  /** Fills up the suggestions with the nearest names, those of about the same length first. */
  #addNearest(normal: string, isAllowed: (model: string) => boolean, found: string[]): void {
    const nearest = new Nearest(mostSuggestions - found.length)
    let left = mostCompared
    for (let difference = 0; difference <= nearest.most; difference++) {
      for (const length of lengthsAt(normal.length, difference)) {
        const most = Math.floor(Math.max(length, normal.length) / 2)
        for (const entry of this.#byLength.get(length) ?? []) {
          if (found.includes(entry.name) || !isAllowed(entry.name)) continue
          if (left-- === 0 || nearest.most < difference) return void found.push(...nearest.names)
          const distance = editDistance(normal, entry.normal, Math.min(most, nearest.most))
          if (distance !== undefined) nearest.add(entry.name, distance)
        }
      }
    }
    found.push(...nearest.names)
  }
}

/** The few names with the least distance; of two with the same, the one that came first. */
class Nearest {
  readonly #room: number
  readonly #distances: number[] = []
  readonly names: string[] = []

  constructor(room: number) {
    this.#room = room
  }

  /** The distance another name may have at most to be taken; -1 when none is. */
  get most(): number {
    if (this.names.length < this.#room) return farthest
    return (this.#distances.at(-1) ?? 0) - 1
  }

  /** Takes a name that is no farther away than `most`. */
  add(name: string, distance: number): void {
    let place = this.names.length
    while (place > 0 && (this.#distances[place - 1] ?? 0) > distance) place--
    this.names.splice(place, 0, name)
    this.#distances.splice(place, 0, distance)
    this.names.length = Math.min(this.names.length, this.#room)
    this.#distances.length = this.names.length
  }
}

/** What is left of a name when spelling does not count. */
function normalForm(name: string): string {
  return name.toLowerCase().replaceAll(/[-_. ]/g, '')
}

function lengthsAt(length: number, difference: number): readonly number[] {
  return difference === 0 ? [length] : [length - difference, length + difference]
}

function allowedIn(allowed: SuggestableModels): (model: string) => boolean {
  if (typeof allowed === 'function') return allowed
  const names = new Set(allowed)
  return (model) => names.has(model)
}

function add<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

function unknownModel(alias: string, model: string, path: string): ConfigurationError {
  return new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    `${path}[${JSON.stringify(alias)}]`,
    `is ${JSON.stringify(model)}, which is none of the models`,
    'Write the name of a model there is, or take the alias out.',
  )
}
