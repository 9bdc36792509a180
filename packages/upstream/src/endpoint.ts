import type { Protocol } from '@lazu/core'

/** A version as APIs write it into their paths: `v1`, `v1beta`, `v2alpha1`. */
const version = /^v\d{1,2}(?:(?:alpha|beta)\d{0,2})?$/

/** Longest path and query of a request that is passed on, together, in characters. */
const longestTarget = 8_192

/** What nobody need encode, a colon, and what could be taken for a slash. */
const needlesslyEncoded = /%(?:3[0-9a]|[46][1-9a-f]|[57][0-9a]|2[def]|5[cf]|7e)/i

/** Names in paths by which an answer's usage is found, and the key's header. */
const names = new Set([
  'chat',
  'compact',
  'completions',
  'count_tokens',
  'input_tokens',
  'messages',
  'models',
  'responses',
])

/**
 * Whether a path can mean nothing but what it says. Dot segments, doubled slashes and what is encoded
 * or spelled otherwise are undone by many servers: such a path would pass the routes here as one
 * endpoint, and reach another one with the channel's key, or be charged as another one.
 */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.length > longestTarget) return false
  if (/[^!-~]|[\\#?]|\/\/|%(?![0-9a-f]{2})/i.test(path) || needlesslyEncoded.test(path))
    return false
  if (/\/\.{1,2}(?:\/|$)/.test(path)) return false
  return !path.split('/').some(isInOtherCase)
}

function isInOtherCase(segment: string): boolean {
  const lower = segment.toLowerCase()
  return lower !== segment && (names.has(lower) || version.test(lower))
}

/**
 * The endpoint of an API that a path of this server stands for: from its first version on, and without
 * a slash at its end, for which many servers do not care.
 */
export function endpointOf(path: string): string {
  const segments = path.split('/')
  if (segments.length > 2 && segments.at(-1) === '') segments.pop()
  const first = segments.findIndex((segment) => version.test(segment))
  return first === -1 ? segments.join('/') : `/${segments.slice(first).join('/')}`
}

/**
 * The path of an endpoint at an upstream.
 *
 * @param basePath the path of the upstream's base URL, without a slash at its end. Where it has a
 * version, that one counts: at its end, or for OpenAI's protocol anywhere, as that SDK adds none
 */
export function pathAt(basePath: string, endpoint: string, protocol: Protocol): string {
  const segments = basePath.split('/')
  const isVersioned =
    protocol === 'openai'
      ? segments.some((segment) => version.test(segment))
      : version.test(segments.at(-1) ?? '')
  const slash = endpoint.indexOf('/', 1)
  const ofEndpoint = slash === -1 ? endpoint.slice(1) : endpoint.slice(1, slash)
  if (!isVersioned || !version.test(ofEndpoint)) return basePath + endpoint
  return slash === -1 ? basePath : basePath + endpoint.slice(slash)
}

/**
 * A query as it is passed on, with its `?`: without the parameter in which some clients send their
 * key. Undefined when there is something in it that no query holds, or too much of it.
 */
export function queryToPassOn(query: string): string | undefined {
  if (query === '') return ''
  if (query.length > longestTarget || /[^!-~]|#/.test(query)) return undefined
  const parts = query.split('&').filter((part) => part !== '' && !isKey(part))
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

function isKey(part: string): boolean {
  const equals = part.indexOf('=')
  const name = equals === -1 ? part : part.slice(0, equals)
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).trim().toLowerCase() === 'key'
  } catch {
    return false
  }
}

/** A path in which one model stands in the place of another; undefined where there is none. */
export function withModelInPath(path: string, asked: string, model: string): string | undefined {
  const start = path.indexOf(`/models/${asked}:`)
  if (start === -1) return undefined
  const before = path.slice(0, start + '/models/'.length)
  const after = path.slice(before.length + asked.length)
  const changed = before + model + after
  return isPlainPath(changed) ? changed : undefined
}
