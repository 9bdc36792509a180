/** A number in a message of another process. */
export function numberIn(message: unknown, name: string): number {
  const value: unknown =
    typeof message === 'object' && message !== null ? Reflect.get(message, name) : undefined
  if (typeof value !== 'number') throw new Error(`no ${name} in ${JSON.stringify(message)}`)
  return value
}
