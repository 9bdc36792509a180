import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const cores = availableParallelism()
const hasTaskset = spawnSync('taskset', ['--version']).status === 0

/** Whether server and load can have a core each. */
export const canPin: boolean = hasTaskset && cores > 1

/** What to put before a command that is to stay on the server's core, or on the load's. */
export function pinned(who: 'server' | 'load'): string[] {
  if (!canPin) return []
  return ['taskset', '-c', String(who === 'server' ? cores - 1 : 0)]
}
