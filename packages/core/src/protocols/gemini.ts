import type { ErrorContent } from './error-content.js'
import type { ProtocolFormat } from './protocol-format.js'

/** google.rpc.Code by HTTP status; the statuses it has none for go by their class. */
const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Every status there is in this protocol. */
export const geminiStatuses: readonly string[] = [...new Set(Object.values(statusNames))]

/**
 * The Gemini protocol: google.rpc.Status as JSON, with the details of google.rpc.error_details that
 * apply. The dialect's code is the reason of the ErrorInfo, in capitals, its name the domain.
 */
export const gemini: ProtocolFormat = {
  contentType: 'application/json; charset=utf-8',
  envelope(content) {
    const { status, message, hints } = content
    return JSON.stringify({
      error: {
        code: status,
        message,
        status: statusNames[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT'),
        details: detailsOf(content),
        ...hints,
      },
    })
  },
  streamFrame: (envelope) => `\n\ndata: ${envelope}\n\n`,
  // It has no rate headers; neither has it others.
  setRateHeaders: () => true,
}

/** Its clients may send their key as `?key=`. */
export const geminiKeyParameter = 'key'

/** The model in a path such as `/v1beta/models/gemini-3-pro:generateContent`. */
export function geminiModelOf(path: string): string | undefined {
  const start = path.indexOf('/models/')
  if (start === -1) return undefined
  const end = path.indexOf(':', start)
  return end === -1 ? undefined : path.slice(start + '/models/'.length, end)
}

function detailsOf(content: ErrorContent): object[] {
  const { code, details, dialect, message, param, requestId, waitMs } = content
  const info = {
    reason: code.toUpperCase(),
    domain: dialect.name,
    metadata: Object.fromEntries(
      Object.entries(details ?? {}).map(([name, value]) => [name, String(value)]),
    ),
  }
  const list = [detail('ErrorInfo', info), detail('RequestInfo', { requestId })]
  if (waitMs !== undefined) {
    list.push(detail('RetryInfo', { retryDelay: `${Math.max(1, Math.ceil(waitMs / 1000))}s` }))
  }
  if (param !== null) {
    const fieldViolations = [{ field: param, description: message }]
    list.push(detail('BadRequest', { fieldViolations }))
  }
  return list
}

function detail(name: string, members: object): object {
  return { '@type': `type.googleapis.com/google.rpc.${name}`, ...members }
}
