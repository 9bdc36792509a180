import type { Demo } from './demo.js'

/** A command to try, and what comes of it. */
export interface CurlLine {
  readonly title: string
  /** For a POSIX shell. */
  readonly command: string
  /** The status it is answered with; of several answers, the last one's. */
  readonly status: number
}

/**
 * What to try on a server.
 *
 * @param url the server's own, without a path
 * @param demo in the place of a secret there may be a variable of the shell, `$LAZU_KEY`
 * @param model the model to ask
 */
export function curlLines(
  url: string,
  { secrets }: Pick<Demo, 'secrets'>,
  model: string = 'lazu-echo',
): readonly CurlLine[] {
  const chat = (key: string, rest: object = {}, flags = ''): string => {
    const messages = [{ role: 'user', content: 'Hello, gateway!' }]
    return [
      `curl${flags} ${url}/v1/chat/completions`,
      bearer(key),
      `-H 'Content-Type: application/json'`,
      `-d '${JSON.stringify({ model, ...rest, messages })}'`,
    ].join(' \\\n  ')
  }
  const list = (key: string): string => `curl -i ${url}/v1/models ${bearer(key)}`
  return [
    { title: 'A good call', command: chat(secrets.good), status: 200 },
    {
      title: 'A stream',
      command: chat(secrets.good, { stream: true }, ' -N'),
      status: 200,
    },
    { title: 'A bad key', command: list('sk-lazu-no-such-key'), status: 401 },
    {
      title: 'A key used from an address outside its list',
      command: list(secrets.elsewhere),
      status: 403,
    },
    {
      title: 'A limit of two requests a minute, run into',
      command: `curl -i '${url}/v1/models?call=[1-3]' ${bearer(secrets.limited)}`,
      status: 429,
    },
    { title: 'A quota used up', command: chat(secrets.poor, {}, ' -i'), status: 403 },
  ]
}

function bearer(key: string): string {
  return `-H "Authorization: Bearer ${key}"`
}
