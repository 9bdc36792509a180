import { conditions, ConfigurationError, GatewayError } from '@lazu/core'
import { CommanderError } from 'commander'
import { CommandError, type CommandErrorCode } from './command-error.js'
import { isShowable, withoutKeys } from './secrets.js'

/** An error as it is told. */
export interface ErrorReport {
  readonly code: CommandErrorCode
  /** One line, without a key. */
  readonly message: string
  /** The option or argument it is about, as it is written. */
  readonly param: string | undefined
}

/** The options that fields of a key, or of a page, come from. */
const optionOf: Readonly<Record<string, string>> = {
  account: '--account',
  name: '--name',
  expiresAtMs: '--expires',
  models: '--model',
  allow: '--allow',
  tier: '--tier',
  'limits.rpm': '--rpm',
  'limits.tpm': '--tpm',
  'limits.concurrency': '--concurrency',
  'caps.total': '--cap-total',
  'caps.day': '--cap-day',
  'caps.month': '--cap-month',
  lane: '--lane',
  metadata: '--metadata',
  graceMs: '--grace',
  limit: '--limit',
  after: '--after',
  id: '<id>',
  secret: 'stdin',
}

const wrongValues: readonly string[] = ['value_invalid', 'parameter_invalid', 'parameter_missing']

/** What to tell about an error, whatever it is. What is not one of ours came from a store. */
export function reportOf(error: unknown): ErrorReport {
  const report = plainReport(error)
  return { ...report, message: withoutKeys(report.message) }
}

/** Errors may be each other's causes in a ring. */
const mostCauses = 5

/**
 * Where an error and its causes come from, for whoever looks for a mistake: their stacks, headed by
 * what is told of them. A stack's own head may hold what was written on the command line.
 */
export function stackOf(error: Error, causes: number = mostCauses): readonly string[] {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  const { cause } = error
  const inside = cause instanceof Error && causes > 0 ? stackOf(cause, causes - 1) : []
  return [
    `${error.name}: ${reportOf(error).message}`,
    ...frames.map(withoutKeys),
    ...inside.map((line, index) => (index === 0 ? `Caused by ${line}` : line)),
  ]
}

function plainReport(error: unknown): ErrorReport {
  if (error instanceof CommandError) {
    return { code: error.code, message: oneLine(error.message), param: error.param }
  }
  if (error instanceof CommanderError) return usageReport(error)
  if (GatewayError.is(error)) return gatewayReport(error)
  const code = error instanceof ConfigurationError ? 'configuration' : 'store'
  return { code, message: errorText(error), param: undefined }
}

/** What an error says, in one line that ends as a sentence, without a key. */
export function errorText(error: unknown): string {
  const said = error instanceof Error ? error.message || error.name : String(error)
  const text = withoutKeys(oneLine(said))
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function usageReport(error: CommanderError): ErrorReport {
  if (error.code === 'commander.help') {
    return { code: 'usage', message: 'A command is missing. Look at --help.', param: undefined }
  }
  const message = oneLine(withoutWritten(error.message.replace(/^error: /, '')))
  const [, option, argument] = /option '(--?[\w-]+)|argument '([\w-]+)'/.exec(message) ?? []
  return {
    code: 'usage',
    message: errorText(message.charAt(0).toUpperCase() + message.slice(1)),
    param: option ?? (argument === undefined ? undefined : `<${argument}>`),
  }
}

/** What was written on the command line stands in quotes, and may be a key. */
function withoutWritten(message: string): string {
  return message.replace(
    /^(unknown (?:command|option)|option '[^']*' argument) '(.*)'/s,
    (_, what: string, written: string) => {
      // So may be the value that is given with `=`.
      const shown = written.startsWith('-') ? written.replace(/=.*$/s, '') : written
      return isShowable(shown) ? `${what} '${shown}'` : `${what}, not shown here as it may be a key`
    },
  )
}

function gatewayReport(error: GatewayError): ErrorReport {
  const code = codeOf(error)
  if (code === 'store') return { code, message: storeText(error), param: undefined }
  const field = error.param ?? ''
  const option = optionOf[field] ?? optionOf[/^[^.[]+/.exec(field)?.[0] ?? '']
  const message = errorText(error)
  // What a key's field is called in code is of no use to whoever wrote an option.
  const isNamed = option !== undefined && message.startsWith(`key.${field} `)
  return {
    code,
    message: isNamed ? option + message.slice(`key.${field}`.length) : message,
    param: option ?? error.param,
  }
}

/** What a condition of a store is called where nobody is a caller who must not know. */
const storeProblems: Readonly<Record<string, string>> = {
  store_read_failed: 'The store cannot be read',
  store_write_failed: 'The store cannot be written',
}

function storeText(error: GatewayError): string {
  const problem = storeProblems[error.condition]
  const cause = error.cause === undefined ? [] : [errorText(error.cause)]
  if (problem === undefined) return [errorText(error), ...cause].join(' ')
  const isOwn = error.message === conditions[error.condition].message
  const details = [...(isOwn ? [] : [errorText(error)]), ...cause].join(' ')
  const mend = 'See that it runs, and that this user may use it; then try again.'
  return `${problem}${details === '' ? '.' : `: ${details}`} ${mend}`
}

function codeOf({ condition, status }: GatewayError): CommandErrorCode {
  if (wrongValues.includes(condition)) return 'usage'
  if (status >= 500) return 'store'
  return status === 404 ? 'not_found' : 'refused'
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}
