import type { FaultProxy } from '@lazu/testkit'
import type { ServerProcesses } from './servers.js'

/** What a fault is done to. */
export interface FaultTarget {
  readonly proxy: FaultProxy
  readonly processes: ServerProcesses
}

/** Something that happens to a store. */
export interface Fault {
  readonly name: string
  /** Whether no step can succeed while it lasts. */
  readonly isTotal: boolean
  /** Begins it, and gives what ends it. */
  begin(target: FaultTarget): Promise<() => Promise<void>>
}

/** All that a store must stand. */
export const faults: readonly Fault[] = [
  {
    name: 'refuses connections',
    isTotal: true,
    async begin({ proxy }) {
      await proxy.refuse()
      proxy.reset()
      return () => proxy.pass()
    },
  },
  {
    name: 'hangs',
    isTotal: true,
    async begin({ proxy }) {
      proxy.hang()
      return () => proxy.pass()
    },
  },
  {
    name: 'is stopped with all it is doing',
    isTotal: true,
    async begin({ processes }) {
      await processes.freeze()
      return () => processes.thaw()
    },
  },
  {
    name: 'answers 200 ms late',
    // It answers: one that was held up itself may find the answer when it looks.
    isTotal: false,
    async begin({ proxy }) {
      proxy.delay(100)
      return () => proxy.pass()
    },
  },
  {
    name: 'sends a few bytes at a time',
    isTotal: true,
    async begin({ proxy }) {
      proxy.throttle(100)
      return () => proxy.pass()
    },
  },
  {
    name: 'resets connections in the middle of answers',
    isTotal: false,
    async begin({ proxy }) {
      proxy.throttle(100_000)
      const resetting = setInterval(() => proxy.reset(), 150)
      return async () => {
        clearInterval(resetting)
        await proxy.pass()
      }
    },
  },
  {
    name: 'ends each connection after some bytes',
    isTotal: false,
    async begin({ proxy }) {
      proxy.cutAfter(900)
      return () => proxy.pass()
    },
  },
  {
    name: 'is killed and started again',
    isTotal: true,
    async begin({ processes }) {
      await processes.kill()
      return () => processes.startAgain()
    },
  },
]
