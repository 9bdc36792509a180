/**
 * The port in PORT, or 3000; 0: any that is free.
 *
 * @throws Error when it is none
 */
export function portFrom({ PORT: text = '3000' }: NodeJS.ProcessEnv): number {
  const port = Number(text)
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`PORT must be a number from 0 to 65535, but is ${JSON.stringify(text)}.`)
}
