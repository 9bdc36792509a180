import { atMost, type Target } from '../target.js'
import type { Row } from './summary.js'
import { frameworks, type Framework, type Stack } from './stacks.js'

/** What the full preset may add at most, as a share of what the usual packages add. */
const shareOfUsual: Readonly<Record<Framework, number>> = { fastify: 0.75, koa: 0.5, express: 0.1 }

/** What it may add at most, as a multiple of what the hand-written minimum adds. */
const timesMinimum = 2

/** How much longer the slowest hundredth may wait than at the bare framework. */
const timesBareWait = 1.2

/** What must be true of a run, for the frameworks that are in it. */
export function targetsOf(rows: readonly Row[]): readonly Target[] {
  const measured = frameworks.filter((name) => rows.some(({ framework }) => framework === name))
  return measured.flatMap((framework) => {
    const row = (stack: Stack, call: Row['call']): Row => find(rows, framework, stack, call)
    const added = row('lazu', 'good').addedMicros.median
    const bare = row('bare', 'good').cpuMicros.median
    return [
      atMost(
        `${framework}, added by a good call / what the usual packages add`,
        added / row('usual', 'good').addedMicros.median,
        shareOfUsual[framework],
      ),
      atMost(
        `${framework}, added by a good call / what the hand-written minimum adds`,
        added / row('minimum', 'good').addedMicros.median,
        timesMinimum,
      ),
      atMost(`${framework}, a 401 / a bare 200`, row('lazu', '401').cpuMicros.median / bare, 1),
      atMost(`${framework}, a 429 / a bare 200`, row('lazu', '429').cpuMicros.median / bare, 1),
      atMost(
        `${framework}, p99 / bare p99, at 70 % of bare throughput`,
        row('lazu', 'paced').p99Micros.median / row('bare', 'paced').p99Micros.median,
        timesBareWait,
      ),
    ]
  })
}

/** The row of a stack and a kind of call. */
export function find(
  rows: readonly Row[],
  framework: Framework,
  stack: Stack,
  call: Row['call'],
): Row {
  const row = rows.find(
    (each) => each.framework === framework && each.stack === stack && each.call === call,
  )
  if (row === undefined) throw new Error(`${framework}, ${stack}, ${call} was not measured`)
  return row
}
