// What it costs to refuse: making the error and its answer, for each dialect and protocol, with
// hints and without: `npm run bench:format`. And what somebody who wants it to cost more achieves.
import {
  createGateway,
  dialects,
  formatError,
  GatewayError,
  type Dialect,
  type FormatContext,
  type GatewayErrorOptions,
} from '@lazu/core'
import { contextWith, exchangeFor, type BareExchange } from './bare-exchange.js'

const protocols = ['openai', 'anthropic', 'gemini', 'problem'] as const

/** Medians of so many measurements, each of so many calls. */
const measurements = 15
const warmUpMs = 100
const measureMs = 10

function contextFor(
  dialect: Dialect,
  protocol: (typeof protocols)[number],
  hints: boolean,
): FormatContext {
  const speech = protocol === 'problem' ? { problemJson: true } : { protocol }
  return contextWith({ dialect, hints, ...speech })
}

/** Microseconds a call, the median of several measurements. */
function microsOf(call: () => unknown): number {
  let calls = 1
  const start = performance.now()
  while (performance.now() - start < warmUpMs) call()
  for (;;) {
    const took = timeOf(call, calls)
    if (took >= measureMs) break
    calls *= 2
  }
  const times = Array.from({ length: measurements }, () => timeOf(call, calls) / calls)
  times.sort((one, two) => one - two)
  return (times[Math.floor(measurements / 2)] ?? 0) * 1000
}

function timeOf(call: () => unknown, calls: number): number {
  const start = performance.now()
  for (let count = 0; count < calls; count++) call()
  return performance.now() - start
}

/** An ordinary refusal: with words of the dialect's, details, and a wait. */
const ordinary: GatewayErrorOptions = {
  details: { rule: 'rpm', limit: 60 },
  retryAfterMs: 1_500,
}

function row(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(34) + cells.map((cell) => cell.padStart(11)).join(''))
}

function micros(call: () => unknown): string {
  return `${microsOf(call).toFixed(1)} µs`
}

console.log(`Node ${process.version}\n`)
row('a refused request', protocols)
for (const dialect of Object.values(dialects)) {
  for (const hints of [false, true]) {
    const cells = protocols.map((protocol) => {
      const context = contextFor(dialect, protocol, hints)
      return micros(() => formatError(new GatewayError('request_rate_limited', ordinary), context))
    })
    row(`${dialect.name}${hints ? ', with hints' : ''}`, cells)
  }
}

const million = 'gpt-5'.repeat(200_000)
const tenMegabytes = 'm'.repeat(10_000_000)
const chinese = '你'.repeat(10_000_000)
const cause = new Error('one')
cause.cause = new Error('two', { cause })
const poor = { balance_usd: 0.12, estimated_cost_usd: 0.35 }

/** What careless handlers can put into an error, and the model it is about. */
const oversized: readonly (readonly [name: string, make: () => GatewayError, model?: string])[] = [
  ['nothing of the kind', () => new GatewayError('insufficient_quota', { facts: poor })],
  ['a model of a million', () => new GatewayError('insufficient_quota', { facts: poor }), million],
  ['a message of 10 MB', () => new GatewayError('request_invalid', { message: tenMegabytes })],
  ['of 10 million characters', () => new GatewayError('request_invalid', { message: chinese })],
  ['a parameter of a million', () => new GatewayError('parameter_invalid', { param: million })],
  [
    'a detail of a million',
    () => new GatewayError('request_invalid', { details: { rule: million } }),
  ],
  [
    'hints of a million',
    () =>
      new GatewayError('model_not_found', {
        hints: { did_you_mean: million, suggestions: [million, million, million] },
      }),
  ],
  ['a cause in a circle', () => new GatewayError('internal_error', { cause })],
]

console.log()
row('with hints, in lemondata', [...protocols, 'bytes'])
for (const [name, make, model = 'gpt-5'] of oversized) {
  let most = 0
  const cells = protocols.map((protocol) => {
    const context = { ...contextFor(dialects.lemondata, protocol, true), model }
    most = Math.max(most, Buffer.byteLength(formatError(make(), context).body))
    return micros(() => formatError(make(), context))
  })
  row(name, [...cells, most.toLocaleString('en')])
}

// The guard, the look for similar names and the answer, as far as the socket.
for (const count of [50, 1_000]) {
  console.log(`\nan unknown model refused by a server with ${count.toLocaleString('en')} models`)
  const models = Array.from({ length: count }, (_, index) => `gpt-5-${index}`)
  const { pipeline } = createGateway({ dialect: 'lemondata', models })
  for (const model of ['gtp-5-mini', 'g'.repeat(200), million]) {
    const refuse = (): BareExchange => {
      const exchange = exchangeFor({ model })
      if (pipeline.enter(exchange) !== false) throw new Error('the model was let through')
      return exchange
    }
    const bytes = String(refuse().raw.response.getHeader('content-length'))
    row(`a name of ${model.length.toLocaleString('en')}`, [micros(refuse), `${bytes} bytes`])
  }
}
