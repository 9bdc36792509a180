// Koa with what is usually put on it: koa-requestid, koa-ip, koa-bearer-token, koa-ratelimit and
// koa-timeout-v2. The timeout comes after those that refuse: it forgets to clear its timer when
// something below it throws.
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { bearerToken } from 'koa-bearer-token'
import ip from 'koa-ip'
import rateLimit from 'koa-ratelimit'
import requestId from 'koa-requestid'
import timeout from 'koa-timeout-v2'
import { complete } from './completion.js'
import { announce, host } from './serve.js'
import { key, perMinute, timeoutMs } from './told.js'

const keys = new Set([key])

const app = new Koa()
app.use(requestId())
app.use(ip([/^127\./, /^10\./]))
app.use(bearerToken())
app.use((context, next) => {
  const { token } = context.request
  if (token !== undefined && keys.has(token)) return next()
  context.status = 401
  context.body = { error: 'invalid API key' }
  return Promise.resolve()
})
app.use(
  rateLimit({
    driver: 'memory',
    db: new Map(),
    duration: 60_000,
    max: perMinute,
    id: (context) => context.request.token ?? context.ip,
  }),
)
app.use(timeout(timeoutMs))
app.use(bodyParser())
app.use((context) => {
  context.body = complete(context.request.body)
})
announce(app.listen(0, host))
