import { GatewayError } from '../errors/gateway-error.js'
import { ownField } from './own-field.js'
import { textTokens } from './text-tokens.js'
import type { Estimate } from './usage.js'
import {
  choiceFields,
  configChoiceFields,
  configOutputCapFields,
  generationConfigFields,
  outputCapFields,
} from './wire-fields.js'

const largestOutputCap = 10_000_000
const mostChoices = 128

/** How to estimate. */
export interface EstimateOptions {
  /** The output of one choice when the body gives no cap, in tokens. */
  readonly defaultOutputTokens: number
}

/**
 * What a request may use, as far as its parsed body tells: one of OpenAI's (chat completions,
 * completions, responses, embeddings), of Anthropic's messages or of Gemini's.
 *
 * The input is that of {@link textTokens}. It is an estimate and no bound: text written to make many
 * tokens of few bytes has up to three times as many. The output is the largest of all output caps
 * given (`max_tokens`, `max_completion_tokens`, `max_output_tokens`,
 * `generationConfig.maxOutputTokens`), or the default, times the largest of `n`, `best_of` and
 * `generationConfig.candidateCount`, times the number of prompts in a list of `prompt`s.
 *
 * These fields decide what a request costs, so they are checked here even where nobody wrote a
 * schema: caps are whole numbers from 1 to 10,000,000, the others from 1 to 128. Only own properties
 * count, and only in the places named.
 *
 * @throws GatewayError `parameter_invalid` when such a field is no whole number, `value_invalid` when
 *   it is out of bounds, both with `param`; `request_invalid` when the body is too deep or too large
 * @throws RangeError when `defaultOutputTokens` is not a whole number from 0 up
 * @example
 * ```ts
 * const body = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 100, n: 2 }
 * estimateTokens(body, { defaultOutputTokens: 4_096 }).outputTokens // 200
 * ```
 */
export function estimateTokens(body: unknown, options: EstimateOptions): Estimate {
  const { defaultOutputTokens } = options
  if (!Number.isSafeInteger(defaultOutputTokens) || defaultOutputTokens < 0) {
    throw new RangeError(
      `defaultOutputTokens must be a whole number from 0 up, but is ${defaultOutputTokens}`,
    )
  }
  let cap = 0
  let choices = 1
  let prompts = 1
  if (typeof body === 'object' && body !== null) {
    cap = largest(body, outputCapFields, '', largestOutputCap)
    choices = Math.max(1, largest(body, choiceFields, '', mostChoices))
    prompts = countPrompts(ownField(body, 'prompt'))
    for (const name of generationConfigFields) {
      const config = generationConfig(body, name)
      if (config === undefined) continue
      const path = `${name}.`
      cap = Math.max(cap, largest(config, configOutputCapFields, path, largestOutputCap))
      choices = Math.max(choices, largest(config, configChoiceFields, path, mostChoices))
    }
  }
  const outputTokens = (cap === 0 ? defaultOutputTokens : cap) * choices * prompts
  return { inputTokens: textTokens(body), outputTokens }
}

/** The largest of the fields given, each of them checked; 0 when there is none. */
function largest(object: object, names: readonly string[], path: string, most: number): number {
  let found = 0
  for (const name of names) {
    const value = ownField(object, name)
    if (value === undefined) continue
    found = Math.max(found, wholeNumber(value, `${path}${name}`, most))
  }
  return found
}

function wholeNumber(value: unknown, param: string, most: number): number {
  // Infinity is what JSON.parse makes of 1e999: too large rather than no number.
  const isWhole = typeof value === 'number' && (Number.isInteger(value) || isInfinite(value))
  if (!isWhole) {
    throw new GatewayError('parameter_invalid', {
      message: `"${param}" must be a whole number.`,
      param,
    })
  }
  if (value < 1 || value > most) {
    throw new GatewayError('value_invalid', {
      message: `"${param}" must be from 1 to ${most}.`,
      param,
    })
  }
  return value
}

function isInfinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
}

function generationConfig(body: object, name: string): object | undefined {
  const config = ownField(body, name)
  if (config === undefined) return undefined
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config
  throw new GatewayError('parameter_invalid', {
    message: `"${name}" must be an object.`,
    param: name,
  })
}

/** Each prompt of a list has its own choices. Numbers are token ids, together one prompt. */
function countPrompts(prompt: unknown): number {
  if (!Array.isArray(prompt)) return 1
  let prompts = 0
  for (const item of prompt) if (typeof item !== 'number') prompts++
  return Math.max(1, prompts)
}
