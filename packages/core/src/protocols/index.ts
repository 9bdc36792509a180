import type { Exchange, Protocol } from '../exchange.js'
import { anthropic } from './anthropic.js'
import { gemini, geminiKeyParameter, geminiModelOf } from './gemini.js'
import { openai } from './openai.js'
import { acceptsProblem, problem } from './problem.js'
import type { ProtocolFormat } from './protocol-format.js'

const formats: Readonly<Record<Protocol, ProtocolFormat>> = { openai, anthropic, gemini }

/**
 * Which protocol a server speaks. `'native'`: the route's own, whatever the dialect does. A name:
 * always that one. A function: the API family of a request, in place of its path's.
 */
export type ProtocolOption = Protocol | 'native' | ((request: RequestHead) => Protocol)

/** What of a request is known before its body. */
export type RequestHead = Pick<Exchange, 'method' | 'path' | 'query' | 'header'>

/** The API family of a path: `/v1/messages` and `/anthropic/*`, `/v1beta/*` and `/gemini/*`, else OpenAI's. */
export function protocolOf(path: string): Protocol {
  if (path.startsWith('/v1beta/') || path.startsWith('/gemini/')) return 'gemini'
  if (path.startsWith('/anthropic/')) return 'anthropic'
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return 'anthropic'
  return 'openai'
}

/** The model a request names in its path, in the families that do so. */
export function modelInPath(protocol: Protocol, path: string): string | undefined {
  return protocol === 'gemini' ? geminiModelOf(path) : undefined
}

/** The parameter of a query in which a request may carry its key, in the families that do so. */
export function keyParameterOf(protocol: Protocol): string | undefined {
  return protocol === 'gemini' ? geminiKeyParameter : undefined
}

/** What decides how a caller is spoken to. */
export interface FormatChoice {
  readonly protocol: Protocol
  readonly option: ProtocolOption | undefined
  /** Whether the dialect answers routes of other families in their own protocol. */
  readonly nativeProtocols: boolean
  /** Whether callers may ask for problem details. */
  readonly problemJson: boolean
  readonly accept: string | undefined
}

/** The format a caller is spoken to in. */
export function formatFor(choice: FormatChoice): ProtocolFormat {
  if (choice.problemJson && acceptsProblem(choice.accept)) return problem
  const native = choice.option !== undefined || choice.nativeProtocols
  return native ? formats[choice.protocol] : openai
}

/** The format of error bodies that belong to no exchange. */
export const defaultFormat: ProtocolFormat = openai
