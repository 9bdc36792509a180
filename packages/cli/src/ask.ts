import { Writable } from 'node:stream'
import { createInterface } from 'node:readline/promises'
import { CommandError } from './command-error.js'
import type { Surroundings } from './context.js'
import { harmless } from './harmless.js'

/** More than any key has; what is longer is no key, and is not read to its end. */
const longestSecret = 4_096

/**
 * Makes sure that there is a person to ask.
 *
 * @throws CommandError `usage` when there is none
 */
export function requirePerson({ stdin }: Surroundings): void {
  if (stdin.isTTY === true) return
  throw new CommandError('usage', 'There is nobody to ask for a confirmation. Give --yes.', {
    param: '--yes',
  })
}

/**
 * Asks a person for a yes.
 *
 * @throws CommandError `refused` for anything else
 */
export async function confirm(question: string, surroundings: Surroundings): Promise<void> {
  const answer = await ask(`${question} [y/N] `, surroundings, true)
  if (/^y(?:es)?$/i.test(answer.trim())) return
  throw new CommandError('refused', 'Nothing was changed.')
}

/**
 * Reads a secret: from a person, who does not see it being typed, or from a pipe.
 *
 * @throws CommandError `usage` when there is none, or it is too long to be one
 */
export async function readSecret(question: string, surroundings: Surroundings): Promise<string> {
  const text =
    surroundings.stdin.isTTY === true
      ? await ask(question, surroundings, false)
      : await readAll(surroundings)
  const secret = text.trim()
  if (secret !== '' && secret.length <= longestSecret) return secret
  const problem = secret === '' ? 'is empty' : 'is too long'
  throw new CommandError('usage', `The key read from stdin ${problem}.`, { param: 'stdin' })
}

async function readAll({ stdin }: Surroundings): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > longestSecret + 2) break
  }
  return text
}

/** Asks on stderr, so that the question is no part of what the command says. */
async function ask(
  question: string,
  { stdin, stderr }: Surroundings,
  isShown: boolean,
): Promise<string> {
  stderr.write(harmless(question))
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (isShown) stderr.write(chunk.toString())
      done()
    },
  })
  const lines = createInterface({ input: stdin, output: echo, terminal: true, historySize: 0 })
  try {
    return await new Promise<string>((resolve, reject) => {
      const cancel = (): void => reject(new CommandError('refused', 'Nothing was changed.'))
      lines.once('SIGINT', cancel)
      lines.once('close', cancel)
      lines.once('line', resolve)
    })
  } catch (error) {
    if (isShown) stderr.write('\n')
    throw error
  } finally {
    lines.close()
    if (!isShown) stderr.write('\n')
  }
}
