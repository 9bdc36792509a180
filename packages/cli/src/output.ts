import { harmless, harmlessJson, harmlessValue } from './harmless.js'
import { renderTable } from './table.js'

/** What the command writes to: a stream, or a test's list of what was written. */
export interface Sink {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

/**
 * What a command says. What cannot be seen in it is made visible, so that nothing stored by a stranger
 * reaches the terminal as a command, or looks like something else.
 */
export interface Output {
  /** Whether `--json` was given: then a command says one `json`, and nothing else. */
  readonly isJson: boolean
  /** A table with a line of heads. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void
  /** Lines of a label and its value, in the order given. */
  facts(pairs: readonly (readonly [label: string, value: string])[]): void
  /** A value for programs, indented. */
  json(value: unknown): void
  /** One line; an empty one without a text. */
  line(text?: string): void
  /** One line on stderr. */
  warn(text: string): void
}

/** Where an output writes to. */
export interface OutputSettings {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asked each time: options are known only after the first error in them. */
  readonly isJson: () => boolean
}

/** Makes an output. Heads are bold on terminals only, and not where NO_COLOR is set. */
export function createOutput({ stdout, stderr, env, isJson }: OutputSettings): Output {
  const isHeadBold = stdout.isTTY === true && (env['NO_COLOR'] ?? '') === ''
  const print = (line: string): void => void stdout.write(`${line}\n`)
  return {
    get isJson() {
      return isJson()
    },
    table: (head, rows) => {
      const cells = rows.map((row) => row.map(harmlessValue))
      for (const line of renderTable(head.map(harmless), cells, isHeadBold)) print(line)
    },
    facts: (pairs) => {
      const width = Math.max(0, ...pairs.map(([label]) => harmless(label).length))
      for (const [label, value] of pairs) {
        print(`${harmless(label).padEnd(width)}  ${harmlessValue(value)}`.trimEnd())
      }
    },
    json: (value) => print(harmlessJson(value)),
    line: (text = '') => print(harmless(text)),
    warn: (text) => void stderr.write(`${harmless(text)}\n`),
  }
}
