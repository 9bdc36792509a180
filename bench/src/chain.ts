// What the chain costs, beside the bare framework, the usual packages and a hand-written minimum:
// `npm run bench`. `-- --quick` takes a minute, `-- --check` only makes sure that all servers answer
// as they should, `-- --write-readme` puts the table of the last full run into the README.
import { parseArgs } from 'node:util'
import { checkAnswers, measure, type Effort, type Sample } from './chain/measure.js'
import { writeReadme, type ChainResults } from './chain/readme.js'
import { frameworks } from './chain/stacks.js'
import { summarise } from './chain/summary.js'
import { printTable } from './chain/table.js'
import { targetsOf } from './chain/targets.js'
import { Loader } from './load/loader.js'
import { machine, machineLine } from './machine.js'
import { writeResults } from './results.js'
import { printTargets } from './target.js'

const full: Effort = { rounds: 7, seconds: 2, warmUpSeconds: 3 }
const quick: Effort = { rounds: 3, seconds: 0.25, warmUpSeconds: 0.4 }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    'write-readme': { type: 'boolean', default: false },
  },
})

if (values.check) {
  for (const framework of frameworks) await checkAnswers(framework)
  console.log('Every server answers as it should.')
} else if (values['write-readme']) {
  await writeReadme()
} else {
  await run(values.quick ? quick : full, values.quick)
}

async function run(effort: Effort, isQuick: boolean): Promise<void> {
  const here = machine()
  const loader = new Loader()
  console.log(`${machineLine(here)}, load by ${loader.name}`)
  console.log(`${effort.rounds} rounds of ${effort.seconds} s; median (lowest..highest)`)
  const samples: Sample[] = []
  for (const framework of frameworks) {
    const own = await measure(framework, loader, effort)
    samples.push(...own)
    printTable(framework, summarise(own))
  }
  await loader.stop()
  const rows = summarise(samples)
  const targets = targetsOf(rows)
  console.log()
  printTargets(targets)
  console.log(`\n${packagesLine(here.packages)}`)
  const results: ChainResults = {
    takenAt: new Date().toISOString(),
    machine: here,
    load: loader.name,
    ...effort,
    rows,
    targets,
  }
  writeResults(isQuick ? 'chain-quick' : 'chain', results)
}

function packagesLine(packages: Readonly<Record<string, string>>): string {
  return Object.entries(packages)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}
