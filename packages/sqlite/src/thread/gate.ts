import type { SqliteDatabase, SqlValue } from '../database.js'

const open = 0
const inside = 1
const closed = 2

/** How long closing waits for a call of the driver, in milliseconds: a disk may be slow. */
const longestWaitMs = 5_000

/**
 * Keeps a thread from being ended inside the driver, which would abort the whole process, also one
 * that is just ending well. Whoever ends the thread closes the gate before; the thread goes through
 * it for each call of the driver, and waits in front of a closed one for its end.
 */
export class Gate {
  readonly #state: Int32Array

  /** @param memory four bytes, which both threads see */
  constructor(memory: SharedArrayBuffer) {
    this.#state = new Int32Array(memory)
  }

  /** Before a call of the driver. Does not return when the gate is closed. */
  enter(): void {
    while (Atomics.compareExchange(this.#state, 0, open, inside) !== open) {
      Atomics.wait(this.#state, 0, closed)
    }
  }

  /** After a call of the driver. */
  leave(): void {
    Atomics.store(this.#state, 0, open)
  }

  /** Waits until no call of the driver runs, and lets no other one begin. */
  close(): void {
    const untilMs = performance.now() + longestWaitMs
    while (Atomics.compareExchange(this.#state, 0, open, closed) === inside) {
      if (performance.now() > untilMs) return
      Atomics.wait(this.#state, 0, inside, 1)
    }
  }
}

/** A database each of whose calls goes through a gate. */
export function behindGate(database: SqliteDatabase, gate: Gate): SqliteDatabase {
  function through<Args extends unknown[], Result>(
    call: (...args: Args) => Result,
  ): (...args: Args) => Result {
    return (...args) => {
      gate.enter()
      try {
        return call(...args)
      } finally {
        gate.leave()
      }
    }
  }

  const prepare = through((sql: string) => database.prepare(sql))
  return {
    exec: through((sql: string) => database.exec(sql)),
    prepare(sql) {
      const statement = prepare(sql)
      return {
        run: through((...parameters: SqlValue[]) => statement.run(...parameters)),
        get: through((...parameters: SqlValue[]) => statement.get(...parameters)),
        all: through((...parameters: SqlValue[]) => statement.all(...parameters)),
      }
    },
    close: through(() => database.close()),
  }
}
