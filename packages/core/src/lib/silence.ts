import type { ServerResponse } from 'node:http'

/**
 * Turns everything a handler may still do to a response that was answered on its behalf into
 * nothing. Without this a late `response.json()` throws ERR_HTTP_HEADERS_SENT out of a callback,
 * and the process ends.
 *
 * @param onWrite told each time somebody writes or ends after all
 */
export function silence(response: ServerResponse, onWrite: () => void): void {
  const same = (): ServerResponse => response
  response.setHeader = same
  response.setHeaders = same
  response.appendHeader = same
  response.removeHeader = ignore
  response.writeHead = same
  response.flushHeaders = ignore
  response.writeContinue = ignore
  response.writeProcessing = ignore
  response.writeEarlyHints = ignore
  response.addTrailers = ignore
  response.write = (...args: unknown[]) => {
    onWrite()
    callBack(args)
    return true
  }
  response.end = (...args: unknown[]) => {
    onWrite()
    callBack(args)
    return response
  }
}

function ignore(): void {}

/** A writer that waits for its callback must not wait for ever. */
function callBack(args: readonly unknown[]): void {
  const last = args.at(-1)
  if (typeof last === 'function') process.nextTick(() => void Reflect.apply(last, undefined, []))
}
