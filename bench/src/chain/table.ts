import { find } from './targets.js'
import { frameworks, stacks, stackTitles, type Framework } from './stacks.js'
import type { Row, Spread } from './summary.js'

/** Prints what was measured on one framework. */
export function printTable(framework: Framework, rows: readonly Row[]): void {
  const own = rows.filter((row) => row.framework === framework)
  const titles = ['CPU µs', 'added', 'throughput', 'p50 ms', 'p99 ms']
  for (const call of ['good', '401', '429', 'paced'] as const) {
    const title = call === 'paced' ? 'good, at 70 % of bare throughput' : call
    line(`\n${framework}, ${title}`, titles)
    for (const row of own.filter((each) => each.call === call)) {
      line(stackTitles[row.stack], [
        spread(row.cpuMicros),
        spread(row.addedMicros),
        row.throughputRatio.median.toFixed(2),
        spread(row.p50Micros, 1000, 2),
        spread(row.p99Micros, 1000, 2),
      ])
    }
  }
}

function line(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(40) + cells.map((cell) => cell.padStart(26)).join(''))
}

function spread({ median, lowest, highest }: Spread, divisor = 1, digits = 1): string {
  const [middle, low, high] = [median, lowest, highest].map((value) =>
    (value / divisor).toFixed(digits),
  )
  return `${middle} (${low}..${high})`
}

/** The README's table, in Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  const header = ['CPU µs of a request', ...frameworks.map(capital)]
  const bare = frameworks.map((framework) => {
    const { cpuMicros } = find(rows, framework, 'bare', 'good')
    return cpuMicros.median.toFixed(0)
  })
  const added = stacks
    .filter((stack) => stack !== 'bare')
    .map((stack) => [
      `+ ${stackTitles[stack]}`,
      ...frameworks.map((framework) => {
        const { addedMicros } = find(rows, framework, stack, 'good')
        const { median } = addedMicros
        return `${median < 0 ? '-' : '+'} ${Math.abs(median).toFixed(1)}`
      }),
    ])
  const refused = (['401', '429'] as const).map((call) => [
    `a ${call} of lazu's, in all`,
    ...frameworks.map((framework) =>
      find(rows, framework, 'lazu', call).cpuMicros.median.toFixed(0),
    ),
  ])
  const body = [['the bare framework', ...bare], ...added, ...refused]
  return markdown(header, body)
}

function markdown(header: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [header, ...body]
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const text = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell[column === 0 ? 'padEnd' : 'padStart'](widths[column] ?? 0)).join(' | ')} |`
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [text(header), `| ${rule.join(' | ')} |`, ...body.map(text)].join('\n')
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
