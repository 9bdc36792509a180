/** What must be true of what was measured. */
export interface Target {
  readonly what: string
  readonly measured: number
  readonly limit: number
  readonly met: boolean
}

/** A figure that may be this large at most. */
export function atMost(what: string, measured: number, limit: number): Target {
  return { what, measured, limit, met: measured <= limit }
}

/** Prints targets, and whether they were met. */
export function printTargets(targets: readonly Target[]): void {
  for (const { what, measured, limit, met } of targets) {
    const figures = `${shown(measured)} of at most ${shown(limit)}`
    console.log(`${met ? 'met   ' : 'MISSED'}  ${what}: ${figures}`)
  }
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
