import { GatewayError } from '../errors/gateway-error.js'
import { ownField } from './own-field.js'
import { binaryFields, framingFields, textFields } from './wire-fields.js'

/** Bytes of UTF-8 a token has. English has about 4, most other languages 2 to 4. */
const bytesPerToken = 3
/** What a message costs beside its text: role and separators. */
const messageTokens = 4
/** What an image, a recording or a file counts, whatever its size. */
const binaryTokens = 1_500
const deepest = 64
const mostNodes = 100_000
/** A data URL's comma comes before this, or it is none. */
const longestDataHeader = 256

/**
 * About how many tokens the text of a JSON body is, without a tokenizer: those take seconds for a
 * text written to be slow. Linear in the size of the body, and never 0 for a text that is not empty:
 *
 * - a text: its UTF-8 bytes divided by 3, rounded up. The names of properties are text as well
 *   (schemas of tools have many), but for those the APIs themselves define
 * - a number: 1. Embeddings take lists of token ids
 * - an object with a role, content or parts: 4 more
 * - an image, a recording or a file: 1,500 whatever its size, and 1,500 when it is behind a URL.
 *   That is the text of `image_url`, `input_audio.data`, `inlineData.data`, `source.data`,
 *   `file_data` and their like, and each base64 data URL that is not in a field for text
 *
 * @throws GatewayError `request_invalid` when the body is nested more than 64 deep, or has more
 *   than 100,000 values beside numbers
 */
export function textTokens(body: unknown): number {
  return new TokenCount().of(body, '', '', 0)
}

/** A walk over one body. Names are those of properties; items of a list are called like the list. */
class TokenCount {
  #nodes = 0

  of(value: unknown, name: string, parent: string, depth: number): number {
    if (typeof value === 'number') return 1
    if (++this.#nodes > mostNodes) throw tooComplex('has too many values')
    if (typeof value === 'string') return ofText(value, name, parent)
    if (typeof value !== 'object' || value === null) return 0
    if (depth === deepest) throw tooComplex('is nested too deeply')
    return Array.isArray(value)
      ? this.#ofList(value, name, parent, depth + 1)
      : this.#ofObject(value, name, depth + 1)
  }

  #ofList(list: readonly unknown[], name: string, parent: string, depth: number): number {
    let tokens = 0
    for (const item of list) tokens += this.of(item, name, parent, depth)
    return tokens
  }

  #ofObject(object: object, name: string, depth: number): number {
    let tokens = isMessage(object) ? messageTokens : 0
    // Anthropic's source of a document may be a text, which is as dear as any other.
    const parent = name === 'source' && ownField(object, 'type') === 'text' ? '' : name
    for (const field of Object.keys(object)) {
      if (!framingFields.has(field)) tokens += tokensOf(field)
      tokens += this.of(ownField(object, field), field, parent, depth)
    }
    return tokens
  }
}

function isMessage(object: object): boolean {
  return (
    Object.hasOwn(object, 'role') ||
    Object.hasOwn(object, 'content') ||
    Object.hasOwn(object, 'parts')
  )
}

function ofText(text: string, name: string, parent: string): number {
  const parents = binaryFields.get(name)
  if (parents === 'anywhere' || parents?.has(parent) === true) return binaryTokens
  if (!textFields.has(name) && isBase64DataUrl(text)) return binaryTokens
  return tokensOf(text)
}

function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken)
}

function isBase64DataUrl(text: string): boolean {
  if (!text.startsWith('data:')) return false
  const header = text.slice(0, longestDataHeader)
  const comma = header.indexOf(',')
  return comma !== -1 && header.slice(0, comma).endsWith(';base64')
}

function tooComplex(problem: string): GatewayError {
  return new GatewayError('request_invalid', { message: `The request body ${problem}.` })
}
