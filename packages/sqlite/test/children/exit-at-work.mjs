// Keeps the store in the file that is named busy, and ends in the middle of it.
import { sqliteStore } from '../../dist/index.js'

const [path = '', afterMs] = process.argv.slice(2)
const { ledger } = sqliteStore({ path })
await ledger.createAccount('acme')
setTimeout(() => process.exit(3), Number(afterMs))
await Promise.all(
  Array.from({ length: 10 }, async (_, serves) => {
    for (let step = 0; step < 100_000; step++) {
      const id = `${process.pid}/${serves}/${step}`
      await ledger.reserve({ id, account: 'acme', key: 'k1', amount: 0, ttlMs: 60_000 })
      await ledger.settle(id, 0)
    }
  }),
)
