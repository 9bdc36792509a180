// The hand-written minimum on Koa.
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { complete } from './completion.js'
import { admit, charge } from './hand-written.js'
import { announce, host } from './serve.js'

const app = new Koa()
app.use((context, next) => {
  if (admit(context.req, context.res)) return next()
  context.respond = false
  return Promise.resolve()
})
app.use(bodyParser())
app.use((context) => {
  const answer = complete(context.request.body)
  charge(context.req, answer.usage)
  context.body = answer
})
announce(app.listen(0, host))
