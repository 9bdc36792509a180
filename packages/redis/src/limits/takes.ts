import { Collector } from './collector.js'
import type { LimitCommands, Names } from './limit-commands.js'

/** What one request takes. */
export interface Take {
  /** The names it takes from, none of them twice. */
  readonly names: Names
  /** What each of them is, as the script has it. */
  readonly letters: string
  /** Two for each name. */
  readonly args: readonly string[]
  /** How long the slowest of its buckets takes to fill. */
  readonly fillMs: number
}

/** 1 or 0, whether all was taken; and what the script says of each name. */
export type TakeAnswer = readonly number[]

/**
 * A long script holds up everybody: so many names take Redis about a quarter of a millisecond. In two
 * scripts Redis works on the first while this process writes the second: with 50 requests in flight
 * that is 1.6 times as many decisions a second on ioredis as one script of 64 makes.
 */
const mostNames = 32

/** Sends what requests take that come in at the same moment. Each is decided by itself. */
export function collectTakes(commands: LimitCommands): Collector<Take, TakeAnswer> {
  return new Collector({
    send: (takes) => sendTakes(commands, takes),
    sizeOf: ({ names }) => names.length,
    most: mostNames,
  })
}

async function sendTakes(
  commands: LimitCommands,
  [first, ...others]: readonly [Take, ...Take[]],
): Promise<readonly TakeAnswer[]> {
  const names: [string, ...string[]] = [...first.names]
  const args = [...first.args]
  let { letters, fillMs } = first
  for (const take of others) {
    names.push(...take.names)
    args.push(...take.args)
    letters += ` ${take.letters}`
    fillMs = Math.max(fillMs, take.fillMs)
  }
  const answer = await commands.take(names, fillMs, letters, args)
  let from = 0
  return [first, ...others].map((take) => {
    const to = from + 1 + take.names.length
    const own = answer.slice(from, to)
    from = to
    return own
  })
}
