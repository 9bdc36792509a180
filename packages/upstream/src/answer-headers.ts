/** How the body of an answer is to be read, as its head says. */
export interface BodyHeaders {
  readonly contentType: string
  /** In lower case; empty for none. */
  readonly coding: string
}

/**
 * Reads how the body is to be read; undefined when the head says so twice. Which of the two counts is
 * anybody's guess, and a coding that is taken for none would reach clients packed.
 */
export function bodyHeadersOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): BodyHeaders | undefined {
  const contentType = textOf(headers['content-type'])
  const coding = textOf(headers['content-encoding'])?.toLowerCase()
  if (contentType === undefined || coding === undefined) return undefined
  return { contentType, coding: coding === 'identity' ? '' : coding }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? undefined : (header ?? '').trim()
}
