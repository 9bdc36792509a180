// A gateway in front of one upstream, which listens on a socket in the file system: what waits there
// for a slow reader is far less than on a loopback address. Tells how much memory it has had.
import { createKeys, lazu, lazuErrors, MemoryLedger, usd } from '@lazu/express'
import { channels } from '@lazu/upstream'
import express from 'express'

const [path = '', url = ''] = process.argv.slice(2)
const upstream = channels({ models: { '*': [{ name: 'one', url, key: null }] } })
const keys = createKeys()
const ledger = new MemoryLedger()
ledger.credit('acme', usd(1_000), 'first')
const { key } = await keys.create({ account: 'acme', name: 'a key' })
const gateway = lazu({ keys, ledger, prices: { m: { input: usd(1), output: usd(1) } } })

const app = express()
app.use('/v1', gateway.admit, express.json(), gateway.meter)
app.post('/v1/chat/completions', (request) => upstream.forward(request.lazu))
app.use(lazuErrors())
app.listen(path, () => process.send?.({ key }))

let mostBytes = 0
setInterval(() => {
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss())
}, 20)
process.on('message', () => {
  const { held } = ledger.balance('acme')
  process.send?.({ bytes: process.memoryUsage.rss(), mostBytes, held })
})
