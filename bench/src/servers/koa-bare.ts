// Koa with a JSON parser and a handler.
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { complete } from './completion.js'
import { announce, host } from './serve.js'

const app = new Koa()
app.use(bodyParser())
app.use((context) => {
  context.body = complete(context.request.body)
})
announce(app.listen(0, host))
