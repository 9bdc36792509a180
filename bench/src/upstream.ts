// How many chunks of event streams `forward` relays, beside a relay that is nothing but `pipeline()` of
// undici, and the delay it adds: `npm run bench:upstream`. With `--quick` it is only roughly right.
import { Child } from './child.js'
import { machine, machineLine } from './machine.js'
import { numberIn } from './number-in.js'
import { askUsage } from './servers/serve.js'
import { median } from './statistics.js'
import type { StreamOrder } from './upstream-load.js'

const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? 3 : 6
const seconds = isQuick ? 2 : 10
/** Chunks a second, at least, as a share of the bare relay's. */
const target = 0.8

interface Figures {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly p50Micros: number
  readonly p99Micros: number
  readonly firstP50Micros: number
  readonly firstP99Micros: number
}

/** A relay in a process of its own. */
class Relay {
  readonly name: string
  readonly #child: Child
  readonly #load: Child
  #port = 0

  constructor(name: string, load: Child, upstreamPort: number) {
    this.name = name
    this.#load = load
    const variables = { UPSTREAM_URL: `http://127.0.0.1:${upstreamPort}` }
    this.#child = new Child('server', `upstream-${name}.js`, variables)
  }

  async start(): Promise<void> {
    this.#port = numberIn(await this.#child.next(), 'port')
  }

  async measure(streams: number, forSeconds: number): Promise<Figures> {
    const first = await this.#order({ begin: streams, port: this.#port })
    const before = await this.#usedMicros()
    const told = await this.#order({ measureSeconds: forSeconds })
    const used = (await this.#usedMicros()) - before
    await this.#order('end')
    const chunks = numberIn(told, 'chunks')
    return {
      perSecond: chunks / numberIn(told, 'seconds'),
      cpuMicros: used / chunks,
      p50Micros: numberIn(told, 'p50Micros'),
      p99Micros: numberIn(told, 'p99Micros'),
      firstP50Micros: numberIn(first, 'p50Micros'),
      firstP99Micros: numberIn(first, 'p99Micros'),
    }
  }

  #order(order: StreamOrder): Promise<unknown> {
    return this.#load.ask(order)
  }

  async #usedMicros(): Promise<number> {
    const usage = await this.#child.ask(askUsage)
    return numberIn(usage, 'user') + numberIn(usage, 'system')
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }
}

const load = new Child('load', 'upstream-load.js')
const upstreamPort = numberIn(await load.next(), 'port')
const bare = new Relay('bare', load, upstreamPort)
const lazu = new Relay('lazu', load, upstreamPort)
const relays = [bare, lazu]
await Promise.all(relays.map((relay) => relay.start()))
console.log(`${machineLine(machine())}\n`)

const many = await inTurn(500)
console.log(
  `500 streams at once, as many chunks as the relay takes, ${rounds} × ${seconds} s each:`,
)
row('', ['chunks a second', 'CPU a chunk'])
for (const { name } of relays) {
  const perSecond = middle(many, name, 'perSecond')
  row(name, [perSecond.toFixed(0), `${middle(many, name, 'cpuMicros').toFixed(1)} µs`])
}

const few = await inTurn(10)
console.log('\n10 streams at once, from the upstream to the client, µs:')
row('', ['first p50', 'first p99', 'chunk p50', 'chunk p99'])
const delays = ['firstP50Micros', 'firstP99Micros', 'p50Micros', 'p99Micros'] as const
for (const { name } of relays) {
  row(
    name,
    delays.map((delay) => middle(few, name, delay).toFixed(0)),
  )
}
row(
  'added',
  delays.map((delay) => (middle(few, 'lazu', delay) - middle(few, 'bare', delay)).toFixed(0)),
)

// Rounds are compared one by one: a slow moment of the machine is both relays'.
console.log()
const shares = sharesOf('perSecond')
const verdict = median(shares) >= target ? 'met   ' : 'MISSED'
console.log(
  `${verdict}  chunks a second, at least ${percent(target)} of the bare relay's: ${range(shares)}`,
)
console.log(`        processor time a chunk, of the bare relay's: ${range(sharesOf('cpuMicros'))}`)

for (const relay of relays) await relay.stop()
await load.stop()

/** The relays' figures by their names, round by round. */
async function inTurn(streams: number): Promise<Map<string, Figures[]>> {
  const figures = new Map(relays.map(({ name }): [string, Figures[]] => [name, []]))
  for (const relay of relays) await relay.measure(streams, isQuick ? 1 : 3)
  for (let round = 0; round < rounds; round++) {
    for (const relay of relays) figures.get(relay.name)?.push(await relay.measure(streams, seconds))
  }
  return figures
}

function middle(figures: Map<string, Figures[]>, name: string, figure: keyof Figures): number {
  return median((figures.get(name) ?? []).map((each) => each[figure]))
}

/** What lazu has of a figure of the bare relay's, in each round. */
function sharesOf(figure: keyof Figures): readonly number[] {
  const ofBare = many.get('bare') ?? []
  const ofLazu = many.get('lazu') ?? []
  return ofLazu.map((figures, round) => figures[figure] / (ofBare[round]?.[figure] ?? Number.NaN))
}

/** The median, and how far apart the rounds are. */
function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${percent(median(values))} (${percent(least)} to ${percent(most)})`
}

function row(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(8) + cells.map((cell) => cell.padStart(17)).join(''))
}

function percent(value: number): string {
  return `${(value * 100).toFixed(0)} %`
}
