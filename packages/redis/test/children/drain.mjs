// Drains a journal into a file, says so after some entries, and then hangs.
import { appendFileSync } from 'node:fs'
import { redisLedger } from '@lazu/redis'
import { createClient } from 'redis'

const [url, prefix, file, most] = process.argv.slice(2)
const client = await createClient({ url }).connect()
let written = 0
await redisLedger(client, { prefix, journal: true }).drainJournal(async (entries) => {
  for (const entry of entries) {
    if (written++ === Number(most)) {
      process.stdout.write('enough\n')
      await new Promise(() => {})
    }
    appendFileSync(file, `${JSON.stringify(entry)}\n`)
  }
})
