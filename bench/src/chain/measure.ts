import { median } from '../statistics.js'
import type { Load } from '../load/load.js'
import type { Loader } from '../load/loader.js'
import { RunningServer } from './running-server.js'
import { measurements, stacks, type Call, type Framework, type Stack } from './stacks.js'

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  readonly seconds: number
  /** How long each kind of call is made before it is measured, until its code is compiled. */
  readonly warmUpSeconds: number
}

/** What is measured. */
export interface Figures {
  /** The server's processor time for a request. */
  readonly cpuMicros: number
  readonly perSecond: number
  readonly p50Micros: number
  readonly p99Micros: number
}

/** One measurement of one stack. */
export interface Sample extends Figures {
  readonly framework: Framework
  readonly stack: Stack
  /** `paced`: good calls at 70 % of what the bare framework takes, at even distances. */
  readonly call: Call | 'paced'
  readonly round: number
}

/** The share of the bare framework's throughput at which waiting times are compared. */
const pacedShare = 0.7

/** Measures a framework's stacks in turn (A B C A B C ...), so that a slow moment is everybody's. */
export async function measure(
  framework: Framework,
  loader: Loader,
  { rounds, seconds, warmUpSeconds }: Effort,
): Promise<readonly Sample[]> {
  const servers = await startServers(framework)
  for (const { stack, call } of measurements) {
    await loader.load(serverFor(servers, stack, call).load(call, warmUpSeconds))
  }
  const samples: Sample[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const { stack, call } of measurements) {
      const server = serverFor(servers, stack, call)
      const figures = await figuresOf(server, loader, server.load(call, seconds))
      samples.push({ framework, stack, call, round, ...figures })
    }
  }
  const bare = samples.filter(({ stack }) => stack === 'bare').map(({ perSecond }) => perSecond)
  const pace = pacedShare * median(bare)
  for (let round = 1; round <= rounds; round++) {
    for (const stack of stacks) {
      const server = serverFor(servers, stack, 'good')
      const figures = await figuresOf(server, loader, server.load('good', seconds, pace))
      samples.push({ framework, stack, call: 'paced', round, ...figures })
    }
  }
  // Nobody began to answer otherwise in the meantime.
  await checkServers(servers)
  for (const server of servers.values()) await server.stop()
  return samples
}

/**
 * Makes sure that all servers of a framework answer as they should.
 *
 * @throws Error when one does not
 */
export async function checkAnswers(framework: Framework): Promise<void> {
  for (const stack of stacks) {
    // The first good call is let in, and uses the limit up.
    const server = await RunningServer.start(framework, stack, true)
    for (const { call } of measurements.filter((each) => each.stack === stack)) {
      await server.check(call)
    }
    await server.stop()
  }
}

async function figuresOf(server: RunningServer, loader: Loader, load: Load): Promise<Figures> {
  const before = await server.usedMicros()
  const { answers, seconds, p50Micros, p99Micros } = await loader.load(load)
  const cpuMicros = ((await server.usedMicros()) - before) / answers
  return { cpuMicros, perSecond: answers / seconds, p50Micros, p99Micros }
}

/** A server for each stack that lets all in, and one whose limit is used up. */
async function startServers(framework: Framework): Promise<ReadonlyMap<string, RunningServer>> {
  const servers = new Map<string, RunningServer>()
  for (const { stack, call } of measurements) {
    const name = serverName(stack, call)
    if (servers.has(name)) continue
    servers.set(name, await RunningServer.start(framework, stack, call === '429'))
  }
  await checkServers(servers)
  return servers
}

async function checkServers(servers: ReadonlyMap<string, RunningServer>): Promise<void> {
  for (const { stack, call } of measurements) await serverFor(servers, stack, call).check(call)
}

function serverFor(
  servers: ReadonlyMap<string, RunningServer>,
  stack: Stack,
  call: Call,
): RunningServer {
  const server = servers.get(serverName(stack, call))
  if (server === undefined) throw new Error(`there is no server for ${stack}, ${call}`)
  return server
}

function serverName(stack: Stack, call: Call): string {
  return call === '429' ? `${stack}, limited` : stack
}
