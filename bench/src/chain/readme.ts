import { readFile, writeFile } from 'node:fs/promises'
import { machineLine, type Machine } from '../machine.js'
import { readResults, writeResults } from '../results.js'
import type { Target } from '../target.js'
import type { Row } from './summary.js'
import { markdownTable } from './table.js'

/** What a run leaves behind. */
export interface ChainResults {
  readonly takenAt: string
  readonly machine: Machine
  /** What made the load. */
  readonly load: string
  readonly rounds: number
  readonly seconds: number
  readonly rows: readonly Row[]
  readonly targets: readonly Target[]
}

const readme = new URL('../../../README.md', import.meta.url)
const start = '<!-- bench: start -->\n'
const end = '<!-- bench: end -->'

/** Puts the table of the last full run into the README, and keeps the results it was made from. */
export async function writeReadme(): Promise<void> {
  const results: ChainResults = JSON.parse(readResults('chain'))
  const [before, rest] = (await readFile(readme, 'utf8')).split(start)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) {
    throw new Error(`the README has no ${start.trim()} and ${end}`)
  }
  await writeFile(readme, `${before}${start}\n${readmePart(results)}\n\n${end}${after}`)
  writeResults('readme', results)
}

/** What stands in the README between the two comments. */
export function readmePart({ takenAt, machine, load, rounds, rows }: ChainResults): string {
  const day = takenAt.slice(0, 10)
  return `${markdownTable(rows)}\n\n${machineLine(machine)}, load by ${load}, medians of ${rounds} rounds, ${day}.`
}
