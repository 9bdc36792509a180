import { GatewayError } from './gateway-error.js'
import { read, readText } from './read.js'
import { paramPath } from './zod-error.js'

/** What the issues of a JSON Schema validation (Fastify's `error.validation`) mean to the caller. */
export function fromAjvIssues(issues: readonly unknown[], cause: unknown): GatewayError {
  const issue = issues[0]
  const params = read(issue, 'params')
  const path = pointerPath(readText(issue, 'instancePath') ?? '')
  const message = readText(issue, 'message') ?? 'is not valid'
  const keyword = readText(issue, 'keyword')
  const missing = readText(params, 'missingProperty')
  if (keyword === 'required' && missing !== undefined) {
    const param = paramPath([...path, missing])
    return new GatewayError('parameter_missing', {
      message: `Missing required parameter: '${param}'.`,
      param,
      cause,
    })
  }
  const unknownKey = readText(params, 'additionalProperty')
  const param = paramPath(unknownKey === undefined ? path : [...path, unknownKey])
  const wrongShape = keyword === 'type' || keyword === 'additionalProperties'
  return new GatewayError(wrongShape ? 'parameter_invalid' : 'value_invalid', {
    message:
      param === '' ? `The request is not valid: ${message}` : `Invalid '${param}': ${message}`,
    param: param === '' ? undefined : param,
    cause,
  })
}

/** RFC 6901: `/messages/0/role` with ~1 for a slash and ~0 for a tilde. */
function pointerPath(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part))
}
