import type { Output } from '../output.js'
import type { Check, Finding, Level } from './check.js'
import { checks } from './checks/index.js'
import type { Examination } from './examination.js'
import { guardStates } from './guard-states.js'

/** A check, and one thing it found. */
export interface ReportLine extends Finding, Pick<Check, 'code' | 'title'> {}

/** All that the checks find, in their order. */
export function reportOf(examination: Examination): readonly ReportLine[] {
  return checks.flatMap((check) =>
    check.run(examination).map((finding) => ({ code: check.code, title: check.title, ...finding })),
  )
}

/** Tells a person. */
export function printReport(
  output: Output,
  examination: Examination,
  lines: readonly ReportLine[],
): void {
  for (const line of lines) if (line.level !== 'not_checked') printLine(output, line)
  printNotChecked(output, lines)
  printGuards(output, examination)
  output.line()
  output.line(`${sumOf(lines)}.`)
}

const words = {
  ok: 'ok',
  warning: 'warning',
  mistake: 'mistake',
  not_checked: 'not checked',
} as const satisfies Record<Level, string>

const width = Math.max(...Object.values(words).map((word) => word.length)) + 2
const indent = ' '.repeat(width)

function printLine(output: Output, { level, found, mend, code }: ReportLine): void {
  output.line(`${words[level].padEnd(width)}${found}`)
  if (level !== 'ok') output.line(`${indent}${code}`)
  if (mend !== undefined) output.line(`${indent}To mend it: ${mend}`)
}

/** What was not checked, together by the reason. */
function printNotChecked(output: Output, lines: readonly ReportLine[]): void {
  const titles = new Map<string, Set<string>>()
  for (const { level, title, found } of lines) {
    if (level !== 'not_checked') continue
    const same = titles.get(found) ?? new Set()
    titles.set(found, same.add(title))
  }
  for (const [reason, same] of titles) {
    output.line(`${words.not_checked.padEnd(width)}${reason}`)
    for (const title of same) output.line(`${indent}- ${title}`)
  }
}

const routesBeside = 3

/** Which guards are active on which routes: as many tables as it takes to keep them narrow. */
function printGuards(output: Output, { server, config }: Examination): void {
  if (server.kind === 'missing') return
  for (let start = 0; start < server.routes.length; start += routesBeside) {
    const routes = server.routes.slice(start, start + routesBeside)
    const states = routes.map((route) => guardStates(route, config?.gateway))
    const names = new Set(states.flatMap((of) => [...of.keys()]))
    output.line()
    output.table(
      ['Guard', ...routes.map(({ route }) => route)],
      [...names].map((name) => [name, ...states.map((of) => of.get(name) ?? '')]),
    )
  }
  if (server.routes.length === 0) return
  output.line()
  for (const meaning of meanings) output.line(meaning)
}

const meanings = [
  'active: a probe met it. inferred: as an answer looks. off: not in the configuration.',
  'not reached: probes were refused before it. missing: a probe came past its place without it.',
]

function sumOf(lines: readonly ReportLine[]): string {
  const count = (level: Level): number => lines.filter((line) => line.level === level).length
  const many = (level: 'mistake' | 'warning'): string =>
    `${count(level)} ${words[level]}${count(level) === 1 ? '' : 's'}`
  return `${many('mistake')}, ${many('warning')}, ${count('ok')} ok, ${count('not_checked')} not checked`
}
