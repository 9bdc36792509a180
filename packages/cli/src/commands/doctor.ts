import type { Command } from 'commander'
import { CommandError, exitCodes } from '../command-error.js'
import type { LazuConfig } from '../config.js'
import type { Context } from '../context.js'
import { examine } from '../doctor/examine.js'
import { parseRoute, type Route } from '../doctor/probe-plan.js'
import { printReport, reportOf } from '../doctor/report.js'
import { errorText } from '../error-report.js'
import { quoted } from '../secrets.js'

const examples = `
It looks at the configuration and its stores, and sends a few requests to the running server: to a
path nobody has, and to each route without a key, with an empty object, with an invented
X-Forwarded-For and with a body that never comes. Guards refuse them; a GET or POST route that has
none runs its handler. Routes of other methods, such as DELETE, are never tried. With LAZU_KEY in the
environment (never as an argument, which other users of the machine can read) also with that key, for
a model nobody has and with broken JSON; they are refused before they cost anything, and count against
the key's requests a minute.

Ends with 1 when it finds a mistake, with 0 when there are only warnings or nothing at all.

Examples:
  $ lazu doctor
  $ lazu doctor --url https://api.example.com --route 'POST /v1/chat/completions'
  $ LAZU_KEY=$(cat doctor.key) lazu doctor --json`

interface DoctorOptions {
  readonly url?: URL
  readonly route?: readonly Route[]
}

/** Adds `lazu doctor`, which looks for mistakes in a configuration and in a running server. */
export function addDoctorCommand(program: Command, context: Context): void {
  program
    .command('doctor')
    .summary('look for mistakes in the configuration and the running server')
    .description(
      'Looks for mistakes in the configuration, its stores and the running server, and says how to ' +
        'mend them: which guards are active on which routes, what address the server sees, whether ' +
        'the proxy setting is safe, whether the stores answer.',
    )
    .option(
      '--url <url>',
      'where the server is, in place of the url in the configuration',
      serverUrl,
    )
    .option(
      '--route <route>',
      "a route that must be guarded, 'POST /v1/chat/completions'; may be given several times",
      oneMoreRoute,
    )
    .addHelpText('after', examples)
    .action((options: DoctorOptions) => doctor(context, options))
}

async function doctor(context: Context, { url, route = [] }: DoctorOptions): Promise<void> {
  const { output, surroundings } = context
  const examination = await examine({
    ...(await configurationOf(context)),
    url,
    routes: route,
    apiKey: probeKey(surroundings.env['LAZU_KEY']),
  })
  const lines = reportOf(examination)
  if (output.isJson) output.json(lines)
  else printReport(output, examination, lines)
  if (lines.some(({ level }) => level === 'mistake')) context.exitWith(exitCodes.failed)
}

/** A configuration that cannot be read is something to find, and no reason to end. */
async function configurationOf(
  context: Context,
): Promise<{ config: LazuConfig | undefined; configProblem: string | undefined }> {
  try {
    return { config: await context.config(), configProblem: undefined }
  } catch (error) {
    return { config: undefined, configProblem: errorText(error) }
  }
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url !== undefined && isHttp && url.username === '' && url.password === '') return url
  throw new CommandError(
    'usage',
    '--url must be where the server is, http://localhost:3000 for instance, without a user or a ' +
      'password in it.',
    { param: '--url' },
  )
}

const beginsAsRoute = /^(?:get|head|options|post|put|patch|delete)\s/i

function oneMoreRoute(text: string, before: readonly Route[] = []): readonly Route[] {
  const route = parseRoute(text)
  if (route !== undefined) return [...before, route]
  throw new CommandError(
    'usage',
    `--route is ${quoted(text, beginsAsRoute.test(text))}. ` +
      "Write a method and a path, 'POST /v1/chat/completions'.",
    { param: '--route' },
  )
}

function probeKey(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (/^[!-~]{1,512}$/.test(text)) return text
  throw new CommandError('usage', 'LAZU_KEY is no key. Look for spaces and line ends in it.', {
    param: 'LAZU_KEY',
  })
}
