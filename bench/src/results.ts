import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../results/', import.meta.url))

/** Writes results as JSON into bench/results, and says so. */
export function writeResults(name: string, results: object): void {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}${name}.json`
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`\nwritten to ${file}`)
}

/** The JSON {@link writeResults} wrote. */
export function readResults(name: string): string {
  return readFileSync(`${folder}${name}.json`, 'utf8')
}
