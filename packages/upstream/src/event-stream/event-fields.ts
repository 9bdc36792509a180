/** The fields of an event that count here. */
export interface EventFields {
  /** What stands in `event`. */
  readonly name: string | undefined
  /** The lines of `data`, joined; undefined when there is none. */
  readonly data: string | undefined
}

/** Reads the fields of an event, each byte of it a character. */
export function eventFields(text: string): EventFields {
  let name: string | undefined
  let data: string | undefined
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const start = line.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1
    const value = colon === -1 ? '' : line.slice(start)
    if (isField(field, 'data')) {
      data = data === undefined ? value : `${data}\n${value}`
    } else if (isField(field, 'event')) {
      name = value
    }
  }
  return { name, data }
}

/** A byte order mark, each byte of it a character. */
const byteOrderMark = '\u00ef\u00bb\u00bf'

/** Whether a field has a name. Before the first of a stream there may be a byte order mark. */
export function isField(field: string, name: string): boolean {
  return field === name || field === byteOrderMark + name
}
