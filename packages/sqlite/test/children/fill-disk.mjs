// Reserves and settles until no more can be written, and says what was acknowledged.
import { sqliteStore } from '../../dist/index.js'

const [path = ''] = process.argv.slice(2)
const { ledger } = sqliteStore({ path })
await ledger.credit('acme', 1_000_000_000, 'c1')
const settled = []
const open = []
let failure
while (failure === undefined && settled.length < 100_000) {
  const id = `${'long '.repeat(20)}${settled.length}`
  try {
    await ledger.reserve({ id, account: 'acme', key: 'k1', amount: 10, ttlMs: 3_600_000 })
    open.push(id)
    await ledger.settle(id, 7)
    settled.push(open.pop())
  } catch (error) {
    failure = `${error.condition}: ${error.cause.message}`
  }
}
process.stdout.write(
  JSON.stringify({ failure, settled: settled.length, open, balance: await ledger.balance('acme') }),
)
