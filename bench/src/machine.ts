import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, type } from 'node:os'
import { canPin } from './pinned.js'

/** Where and with what something was measured. */
export interface Machine {
  readonly node: string
  readonly system: string
  readonly processor: string
  readonly cores: number
  /** Whether server and load had a core each. */
  readonly pinned: boolean
  /** The packages measured beside lazu, and the frameworks, as they are installed. */
  readonly packages: Readonly<Record<string, string>>
}

/** This machine. */
export function machine(): Machine {
  return {
    node: process.version,
    system: `${type()} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    pinned: canPin,
    packages: Object.fromEntries(
      dependencies()
        .filter((name) => !/^@(?:lazu|types)\//.test(name))
        .map((name) => [name, versionOf(name)]),
    ),
  }
}

/** One line to put above figures. */
export function machineLine({ node, system, processor, cores, pinned }: Machine): string {
  const where = pinned ? 'server and load on a core each' : 'server and load not kept apart'
  return `Node ${node}, ${system}, ${processor}, ${cores} cores, ${where}`
}

function dependencies(): string[] {
  const { dependencies: names } = readJson('../package.json')
  return typeof names === 'object' && names !== null ? Object.keys(names) : []
}

function versionOf(name: string): string {
  return String(readJson(`../node_modules/${name}/package.json`)['version'])
}

function readJson(path: string): Record<string, unknown> {
  const parsed: Record<string, unknown> = JSON.parse(
    readFileSync(new URL(path, import.meta.url), 'utf8'),
  )
  return parsed
}
