import { Worker } from 'node:worker_threads'
import { Gate } from './gate.js'
import type { ThreadSettings } from './messages.js'

/** The gates of the threads that live. */
const gates = new Set<Gate>()

function closeGates(): void {
  for (const gate of gates) gate.close()
}

/** The thread of a store, which nobody ends inside the driver: neither `terminate()` nor `process.exit()`. */
export class GatedWorker extends Worker {
  readonly #gate: Gate

  constructor(settings: Omit<ThreadSettings, 'gate'>) {
    const memory = new SharedArrayBuffer(4)
    const workerData: ThreadSettings = { ...settings, gate: memory }
    super(new URL('run.js', import.meta.url), {
      name: 'lazu-sqlite',
      workerData,
      // What preloads something into the server has no business here, and some options stop a thread.
      execArgv: [],
    })
    const gate = new Gate(memory)
    this.#gate = gate
    if (gates.size === 0) process.on('exit', closeGates)
    gates.add(gate)
    this.once('exit', () => {
      gates.delete(gate)
      if (gates.size === 0) process.off('exit', closeGates)
    })
  }

  override terminate(): Promise<number> {
    this.#gate.close()
    return super.terminate()
  }
}
