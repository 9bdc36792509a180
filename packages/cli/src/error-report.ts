import { ConfigurationError, GatewayError } from '@lazu/core'
import { CommanderError } from 'commander'
import { CommandError, type CommandErrorCode } from './command-error.js'

/** An error as it is told. */
export interface ErrorReport {
  readonly code: CommandErrorCode
  /** One line. */
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
  if (error instanceof CommandError) {
    return { code: error.code, message: oneLine(error.message), param: error.param }
  }
  if (error instanceof CommanderError) return usageReport(error)
  if (GatewayError.is(error)) return gatewayReport(error)
  const code = error instanceof ConfigurationError ? 'configuration' : 'store'
  return { code, message: errorText(error), param: undefined }
}

/** What an error says, in one line that ends as a sentence. */
export function errorText(error: unknown): string {
  const text = oneLine(error instanceof Error ? error.message || error.name : String(error))
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function usageReport(error: CommanderError): ErrorReport {
  if (error.code === 'commander.help') {
    return { code: 'usage', message: 'A command is missing. Look at --help.', param: undefined }
  }
  // A value given with `=` may be a secret.
  const message = oneLine(error.message.replace(/^error: /, '')).replaceAll(
    /(--[\w-]+)=[^']*/g,
    '$1',
  )
  const [, option, argument] = /option '(--?[\w-]+)|argument '([\w-]+)'/.exec(message) ?? []
  return {
    code: 'usage',
    message: errorText(message.charAt(0).toUpperCase() + message.slice(1)),
    param: option ?? (argument === undefined ? undefined : `<${argument}>`),
  }
}

function gatewayReport(error: GatewayError): ErrorReport {
  const code = codeOf(error)
  const cause = error.cause === undefined ? '' : ` ${errorText(error.cause)}`
  if (code === 'store') return { code, message: errorText(error) + cause, param: undefined }
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

function codeOf({ condition, status }: GatewayError): CommandErrorCode {
  if (wrongValues.includes(condition)) return 'usage'
  if (status >= 500) return 'store'
  return status === 404 ? 'not_found' : 'refused'
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}
