/** The middle of some measurements. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** @param share 0.99 for the 99th percentile */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
