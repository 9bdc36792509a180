import type { Server } from 'node:http'
import { curlLines } from './curl-lines.js'
import { createDemo, type Demo } from './demo.js'

/**
 * Makes a server of a demo's options, and resolves when it listens on this machine's 127.0.0.1.
 *
 * @param port 0: any that is free
 */
export type Serve = (demo: Demo, port: number) => Promise<Server>

/** The address of a server that listens. */
export function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}

/**
 * Runs an example: serves a new demo on the port in PORT, or 3000, and prints what to try on it. Ends
 * the process when the port cannot be had.
 */
export async function run(framework: string, serve: Serve): Promise<void> {
  const port = portOf(process.env['PORT'])
  const demo = await createDemo()
  let server: Server
  try {
    server = await serve(demo, port)
  } catch (error) {
    stop(problemOf(error, port))
  }
  console.log(greeting(framework, urlOf(server), demo))
}

/** What `run` prints. */
function greeting(framework: string, url: string, demo: Demo): string {
  const lines = [
    `lazu on ${framework} listens on ${url}`,
    `Your API key, with $5.00 to spend: ${demo.secrets.good}`,
    '',
    'Try this in another terminal:',
  ]
  for (const { title, command, status } of curlLines(url, demo)) {
    lines.push('', `# ${title}: ${status}`, command)
  }
  lines.push('', 'Ctrl+C stops the server.')
  return lines.join('\n')
}

function portOf(text = '3000'): number {
  const port = Number(text)
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  return stop(`PORT must be a number from 0 to 65535, but is ${JSON.stringify(text)}.`)
}

function problemOf(error: unknown, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return `Port ${port} is taken. Choose another one, or 0 for any: PORT=0 npm start`
  }
  if (code === 'EACCES') return `Port ${port} is not for everybody. Choose one above 1023.`
  return `The server could not be started: ${String(error)}`
}

function stop(problem: string): never {
  console.error(problem)
  process.exit(1)
}
