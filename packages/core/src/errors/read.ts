/** Reads a member of anything, even of a thing whose getters throw. Undefined when it cannot. */
export function read(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return Reflect.get(value, name)
  } catch {
    return undefined
  }
}

/** The same when it must be text. */
export function readText(value: unknown, name: string): string | undefined {
  const member = read(value, name)
  return typeof member === 'string' ? member : undefined
}

/** The same when it must be an HTTP error status. */
export function readErrorStatus(value: unknown, name: string): number | undefined {
  const member = read(value, name)
  return typeof member === 'number' && Number.isInteger(member) && member >= 400 && member <= 599
    ? member
    : undefined
}
