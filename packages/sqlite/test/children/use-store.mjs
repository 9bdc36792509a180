// Uses the store in the file that is named, closes nothing, and says what came of it.
import { writeSync } from 'node:fs'
import { sqliteStore } from '../../dist/index.js'

/** @param {string} line */
const tell = (line) => writeSync(1, `${line}\n`)

const [path = '', what] = process.argv.slice(2)
const store = sqliteStore({ path })
if (what === 'a call') {
  // Nothing but the call keeps this process here.
  store.ledger.credit('acme', 5, 'c1').then(({ granted }) => tell(`granted ${granted}`))
}
if (what === 'a record') store.requestLog.record({ requestId: 'request 1' })
process.on('exit', (code) => tell(`ended with ${code}`))
