// The whole preset of lazu on Koa.
import { bodyParser } from '@koa/bodyparser'
import { lazu, lazuErrors } from '@lazu/koa'
import Koa from 'koa'
import { complete } from './completion.js'
import { options } from './lazu-options.js'
import { announce, host } from './serve.js'

const gateway = lazu(options)

const app = new Koa()
app.use(lazuErrors())
app.use(gateway.admit).use(bodyParser()).use(gateway.meter)
app.use((context) => {
  const answer = complete(context.request.body)
  context.lazu.charge(answer.usage)
  context.body = answer
})
announce(app.listen(0, host))
