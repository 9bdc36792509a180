// Opens the store in the file that is named, credits its account once, and says what came of it.
import { sqliteStore } from '../../dist/index.js'

const [path = '', ...flags] = process.argv.slice(2)
if (flags.includes('--as-nobody') && process.getuid?.() === 0) {
  // For root nothing is read-only. Only now: nobody may not be allowed to read this program.
  process.setgroups?.([])
  process.setgid?.(65_534)
  process.setuid?.(65_534)
}
try {
  const store = sqliteStore({ path })
  await store.ledger.credit('acme', 1, `process ${process.pid}`)
  await store.close()
  process.stdout.write('opened')
} catch (error) {
  process.stdout.write(
    `${error.name}: ${error.message}\ncaused by ${error.cause?.code ?? ''} ${error.cause?.message}`,
  )
}
