import { Child } from '../child.js'
import { numberIn } from '../number-in.js'
import type { Load, Loaded } from './load.js'
import { loadWithWrk, wrkVersion } from './wrk.js'

/** At most so many answers may be wrong: a limit of one a minute lets one through each minute. */
const wrongShare = 0.001

/** Loads servers, from a core of its own where there are two. */
export class Loader {
  readonly #worker = new Child('load', 'load/worker.js')
  readonly #wrk = wrkVersion()

  /** What makes the load, for the record. */
  get name(): string {
    return this.#wrk === undefined ? 'autocannon' : `wrk ${this.#wrk}`
  }

  /**
   * Loads a server.
   *
   * @throws Error when it did not answer as it should
   */
  async load(load: Load): Promise<Loaded> {
    const loaded =
      this.#wrk !== undefined && load.perSecond === undefined
        ? await loadWithWrk(load)
        : loadedIn(await this.#worker.ask(load))
    if (loaded.wrong > Math.max(1, loaded.answers * wrongShare)) {
      throw new Error(`of ${loaded.answers} answers ${loaded.wrong} were not ${load.status}`)
    }
    return loaded
  }

  stop(): Promise<void> {
    return this.#worker.stop()
  }
}

function loadedIn(message: unknown): Loaded {
  return {
    answers: numberIn(message, 'answers'),
    wrong: numberIn(message, 'wrong'),
    seconds: numberIn(message, 'seconds'),
    p50Micros: numberIn(message, 'p50Micros'),
    p99Micros: numberIn(message, 'p99Micros'),
  }
}
