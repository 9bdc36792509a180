import { STATUS_CODES } from 'node:http'
import { openai } from './openai.js'
import type { ProtocolFormat } from './protocol-format.js'

/** https://www.iana.org/assignments/http-problem-types */
const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/**
 * RFC 9457, problem details: for clients whose Accept asks for it, where the server allows it. The
 * official SDKs cannot read it. In a stream it is OpenAI's frame with this body.
 */
export const problem: ProtocolFormat = {
  // With a charset, as the others: some frameworks would add one to it, and some would not.
  contentType: 'application/problem+json; charset=utf-8',
  envelope(content) {
    const { status, message, code, param, requestId, details, hints } = content
    return JSON.stringify({
      type: status === 429 ? quotaExceeded : 'about:blank',
      // RFC 9457, section 4.2.1: with `about:blank` it is the status's own phrase.
      title: status === 429 ? 'Quota Exceeded' : (STATUS_CODES[status] ?? 'Error'),
      status,
      detail: message,
      code,
      ...(param === null ? {} : { param }),
      request_id: requestId,
      ...(details === undefined ? {} : { details }),
      ...hints,
    })
  },
  streamFrame: (envelope) => openai.streamFrame(envelope),
  setRateHeaders: () => false,
}

/** Whether an Accept header asks for problem details by name. */
export function acceptsProblem(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > 1_000) return false
  return accept
    .toLowerCase()
    .split(',')
    .some((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
      return (
        type === 'application/problem+json' && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
      )
    })
}
