/**
 * Checks that an argument is a text, before it goes to a store. What a server takes from a request's
 * body and passes on may be anything, and drivers make of an object or a list what they like: a row
 * that was not asked for, or the end of the process.
 *
 * @param what what the argument is called, for the message
 * @throws RangeError when it is anything else
 */
export function checkText(what: string, value: unknown): void {
  if (typeof value === 'string') return
  throw new RangeError(`${what} must be a text, but is ${value === null ? 'null' : typeof value}`)
}
