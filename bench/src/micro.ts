// What the parts of the chain cost, each beside its alternatives: `npm run bench:micro`.
import { getHeapStatistics } from 'node:v8'
import { measure } from 'mitata'
import { machine, machineLine } from './machine.js'
import { addressGroups } from './micro/address.js'
import type { Group } from './micro/group.js'
import { keyLookUpGroup } from './micro/key-look-up.js'
import { ledgerGroup } from './micro/ledger.js'
import { limiterGroups } from './micro/limiter.js'
import { refusalGroup } from './micro/refusal.js'
import { requestIdGroup } from './micro/request-id.js'
import { writeResults } from './results.js'
import { median } from './statistics.js'
import { atMost, printTargets, type Target } from './target.js'

interface Measured {
  readonly group: string
  readonly name: string
  readonly role: string
  readonly medianNs: number
  readonly lowestNs: number
  readonly highestNs: number
  /** What one call takes from the heap, until it is collected. */
  readonly heapBytes: number
}

const rounds = 5
const roundNs = 100_000_000

const { gc: collectGarbage } = globalThis
if (collectGarbage === undefined) {
  console.error('run with node --expose-gc')
  process.exit(2)
}
// Once before each measurement: between its samples it would take longer than they do.
const gcOption = { gc: () => collectGarbage(), inner_gc: false }

const groups = [
  ...limiterGroups(),
  await keyLookUpGroup(),
  ...addressGroups(),
  ledgerGroup(),
  requestIdGroup(),
  refusalGroup(),
]
const here = machine()
console.log(machineLine(here))
console.log(`medians of ${rounds} rounds`)
const measured: Measured[] = []
const targets: Target[] = []
for (const group of groups) {
  line(`\n${group.title}`, ['ns', 'lowest..highest', 'heap bytes'])
  const own = await measureGroup(group)
  for (const { name, medianNs, lowestNs, highestNs, heapBytes } of own) {
    const range = `${lowestNs.toFixed(0)}..${highestNs.toFixed(0)}`
    line(name, [medianNs.toFixed(0), range, heapBytes.toFixed(0)])
  }
  measured.push(...own)
  targets.push(...targetsOf(group, own))
}
console.log()
printTargets(targets)
writeResults('micro', { takenAt: new Date().toISOString(), machine: here, measured, targets })
// A limiter beside ours keeps a timer that would hold the process open.
process.exit()

/** Measures the contenders in turn, so that a slow moment is everybody's. */
async function measureGroup({ title, contenders }: Group): Promise<readonly Measured[]> {
  const times = contenders.map((): number[] => [])
  const heaps = contenders.map((): number[] => [])
  for (const { call } of contenders) await warmUp(call)
  for (let round = 0; round < rounds; round++) {
    for (const [index, { call }] of contenders.entries()) {
      const { p50, heap } = await measure(call, {
        ...gcOption,
        heap: () => getHeapStatistics().used_heap_size,
        min_cpu_time: roundNs,
      })
      times[index]?.push(p50)
      heaps[index]?.push(heap?.avg ?? Number.NaN)
    }
  }
  return contenders.map(({ name, role }, index) => {
    const own = times[index] ?? []
    return {
      group: title,
      name,
      role,
      medianNs: median(own),
      lowestNs: Math.min(...own),
      highestNs: Math.max(...own),
      heapBytes: median(heaps[index] ?? []),
    }
  })
}

/** Cold code would be taken for slow code, and not be called often enough to tell. */
async function warmUp(call: () => unknown): Promise<void> {
  const start = performance.now()
  while (performance.now() - start < 200) await call()
}

function targetsOf({ title, limitNs }: Group, own: readonly Measured[]): Target[] {
  const lazu = own.find(({ role }) => role === 'lazu')?.medianNs ?? Number.NaN
  const beside = own.flatMap(({ name, role, medianNs }) => {
    if (role === 'minimum') return [atMost(`${title}, ns / ${name}`, lazu, 2 * medianNs)]
    if (role === 'package') return [atMost(`${title}, ns / ${name}`, lazu, medianNs)]
    return []
  })
  return [atMost(`${title}, ns`, lazu, limitNs), ...beside]
}

function line(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(48) + cells.map((cell) => cell.padStart(18)).join(''))
}
