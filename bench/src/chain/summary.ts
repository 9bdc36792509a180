import { median } from '../statistics.js'
import type { Figures, Sample } from './measure.js'
import type { Framework, Stack } from './stacks.js'

/** A median and how far the measurements lie apart. */
export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

/** What was measured of one stack and one kind of call. */
export interface Row {
  readonly framework: Framework
  readonly stack: Stack
  readonly call: Sample['call']
  readonly cpuMicros: Spread
  /** What the stack adds to the bare framework's good call of the same round. */
  readonly addedMicros: Spread
  /** Its throughput beside the bare framework's good calls of the same round. */
  readonly throughputRatio: Spread
  readonly perSecond: Spread
  readonly p50Micros: Spread
  readonly p99Micros: Spread
}

/** Sums up samples, a row for each stack and kind of call in the order they were taken. */
export function summarise(samples: readonly Sample[]): readonly Row[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const name = [sample.framework, sample.stack, sample.call].join()
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [sample])
    else group.push(sample)
  }
  return [...groups.values()].flatMap((group) => rowOf(group, samples))
}

function rowOf(group: readonly Sample[], all: readonly Sample[]): Row[] {
  const [first] = group
  if (first === undefined) return []
  const { framework, stack, call } = first
  const spread = (figure: keyof Figures): Spread => spreadOf(group.map((sample) => sample[figure]))
  const pairs = group.map((sample) => ({ own: sample, bare: bareOf(all, sample) }))
  return [
    {
      framework,
      stack,
      call,
      cpuMicros: spread('cpuMicros'),
      addedMicros: spreadOf(pairs.map(({ own, bare }) => own.cpuMicros - bare.cpuMicros)),
      throughputRatio: spreadOf(pairs.map(({ own, bare }) => own.perSecond / bare.perSecond)),
      perSecond: spread('perSecond'),
      p50Micros: spread('p50Micros'),
      p99Micros: spread('p99Micros'),
    },
  ]
}

/** The measurement of the bare framework to compare one with: of the same round and pace. */
function bareOf(samples: readonly Sample[], { framework, call, round }: Sample): Sample {
  const bareCall = call === 'paced' ? 'paced' : 'good'
  const bare = samples.find(
    (sample) =>
      sample.framework === framework &&
      sample.stack === 'bare' &&
      sample.call === bareCall &&
      sample.round === round,
  )
  if (bare === undefined) throw new Error(`nothing to compare with in round ${round}`)
  return bare
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}
