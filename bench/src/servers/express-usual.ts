// Express with what is usually put on it: express-ipfilter, passport-http-bearer, express-rate-limit
// and connect-timeout.
import { randomUUID } from 'node:crypto'
import timeout from 'connect-timeout'
import express from 'express'
import { IpFilter } from 'express-ipfilter'
import { rateLimit } from 'express-rate-limit'
import passport from 'passport'
import { Strategy } from 'passport-http-bearer'
import { complete, route } from './completion.js'
import { announce, host } from './serve.js'
import { allow, key, perMinute, timeoutMs } from './told.js'

const users = new Map([[key, { id: 'acme' }]])
passport.use(new Strategy((token, done) => done(null, users.get(token) ?? false)))

const app = express()
app.use((_request, response, next) => {
  response.setHeader('x-request-id', randomUUID())
  next()
})
app.use(timeout(timeoutMs))
app.use(IpFilter([...allow], { mode: 'allow', log: false }))
app.use(passport.authenticate('bearer', { session: false }))
app.use(
  rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    keyGenerator: ({ headers, socket }) => headers.authorization ?? String(socket.remoteAddress),
  }),
)
app.use(express.json())
app.post(route, (request, response) => {
  response.json(complete(request.body))
})
announce(app.listen(0, host))
