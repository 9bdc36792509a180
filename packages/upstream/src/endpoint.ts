/** A version as APIs write it into their paths: `v1`, `v1beta`, `v2alpha1`. */
const version = /^v\d{1,2}(?:(?:alpha|beta)\d{0,2})?$/

/** Longest path and query of a request that is passed on, together, in characters. */
const longestTarget = 8_192

/**
 * Whether a path can mean nothing but what it says. Dot segments, doubled slashes and what is encoded
 * to look like neither are undone by many servers: such a path would pass the routes here as one
 * endpoint, and reach another one with the channel's key.
 */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.length > longestTarget) return false
  if (/[^!-~]|[\\#?]|%2e|%2f|%5c|\/\/|%(?![0-9a-f]{2})/i.test(path)) return false
  return !/\/\.{1,2}(?:\/|$)/.test(path)
}

/** The endpoint of an API that a path of this server stands for: from its first version on. */
export function endpointOf(path: string): string {
  const segments = path.split('/')
  const first = segments.findIndex((segment) => version.test(segment))
  return first === -1 ? path : `/${segments.slice(first).join('/')}`
}

/**
 * The path of an endpoint at an upstream.
 *
 * @param basePath the path of the upstream's base URL, without a slash at its end. Where it ends with
 * a version, that one counts
 */
export function pathAt(basePath: string, endpoint: string): string {
  const ofBase = basePath.slice(basePath.lastIndexOf('/') + 1)
  const slash = endpoint.indexOf('/', 1)
  const ofEndpoint = slash === -1 ? endpoint.slice(1) : endpoint.slice(1, slash)
  if (!version.test(ofBase) || !version.test(ofEndpoint)) return basePath + endpoint
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
