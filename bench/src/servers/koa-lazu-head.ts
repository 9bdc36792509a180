// What lazu does on Koa before a body is read.
import { bodyParser } from '@koa/bodyparser'
import { lazu, lazuErrors } from '@lazu/koa'
import Koa from 'koa'
import { complete } from './completion.js'
import { headOptions } from './lazu-options.js'
import { announce, host } from './serve.js'

const gateway = lazu(headOptions)

const app = new Koa()
app.use(lazuErrors())
app.use(gateway.admit).use(bodyParser())
app.use((context) => {
  context.body = complete(context.request.body)
})
announce(app.listen(0, host))
