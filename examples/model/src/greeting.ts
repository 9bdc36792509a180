import { formatUsd } from '@lazu/core'
import { curlLines } from './curl-lines.js'
import type { DemoKey, ForEachKey } from './demo-keys.js'
import { bearersOf, keyVariables } from './key-variables.js'

/** What is to be said of an example that runs. */
export interface Running {
  readonly framework: string
  /** The server's own, without a path. */
  readonly url: string
  /** The file the data is in. */
  readonly file: string
  readonly keys: ForEachKey<DemoKey>
  /** What each account has to spend, in micro-USD. */
  readonly available: ReadonlyMap<string, number>
  /** The models of a real API, when that one answers. */
  readonly models: readonly string[] | undefined
  /** A `lazu` command on the same data, of what comes after `lazu`. */
  readonly command: (rest: string) => string
}

/** A key, what it has to spend in micro-USD, and the variable it is looked for in. */
interface Shown extends DemoKey {
  readonly variable: string
  readonly available: number
}

/** What a person is told: where the data is, the keys, and what to try with them. */
export function greeting(running: Running): string {
  const { framework, url, file, keys, models } = running
  const shown = shownKeys(running)
  const made = shown.filter(({ secret }) => secret !== undefined)
  const kept = shown.filter(({ secret }) => secret === undefined)
  const lines = [
    `lazu on ${framework} listens on ${url}`,
    `Its data is in ${file}`,
    ...(models === undefined ? [] : [`${models.join(', ')}: passed on to UPSTREAM_URL`]),
    ...(made.length === 0 ? [] : aboutMade(made)),
    ...(kept.length === 0 ? [] : aboutKept(kept, running)),
    '',
    'Try this in another terminal:',
  ]
  for (const { title, command, status } of curlLines(
    url,
    { secrets: bearersOf(keys) },
    models?.[0],
  )) {
    lines.push('', `# ${title}: ${status}`, command)
  }
  lines.push('', 'Ctrl+C stops the server.')
  return lines.join('\n')
}

function shownKeys({ keys, available }: Running): readonly Shown[] {
  const shown = (key: DemoKey, variable: string): Shown => ({
    ...key,
    variable,
    available: available.get(key.record.account) ?? 0,
  })
  return [
    shown(keys.good, keyVariables.good),
    shown(keys.elsewhere, keyVariables.elsewhere),
    shown(keys.limited, keyVariables.limited),
    shown(keys.poor, keyVariables.poor),
    shown(keys.disabled, keyVariables.disabled),
  ]
}

function aboutMade(made: readonly Shown[]): string[] {
  const own = made.find(({ variable }) => variable === keyVariables.good)
  return [
    ...(own === undefined
      ? []
      : [`Your API key, with ${formatUsd(own.available)} to spend: ${own.secret}`]),
    '',
    'Keys are shown once. For the commands that the next start shows, keep these:',
    ...made.map(({ variable, secret }) => `  export ${variable}=${secret}`),
  ]
}

function aboutKept(kept: readonly Shown[], { command }: Running): string[] {
  const rows = kept.map(({ variable, available, record }) => [
    variable,
    record.shown,
    record.name,
    record.status,
    `${formatUsd(available)} left in ${record.account}`,
    record.id,
  ])
  const [first] = kept
  return [
    '',
    'The keys and balances of an earlier start are there:',
    ...columns(rows).map((row) => `  ${row}`),
    '',
    'Keys are shown once, when they are made. Set the variables to those of the earlier start, or to',
    'new ones:',
    ...(first === undefined
      ? []
      : [
          `  export ${first.variable}=<the key ${first.record.shown}>`,
          `  ${command(`keys rotate ${first.record.id}`)}`,
        ]),
  ]
}

/** Rows of cells of the same number as lines, with the cells one below the other. */
function columns(rows: readonly (readonly string[])[]): string[] {
  return rows.map((row) =>
    row
      .map((cell, column) =>
        cell.padEnd(Math.max(...rows.map((each) => each[column]?.length ?? 0))),
      )
      .join('  ')
      .trimEnd(),
  )
}
