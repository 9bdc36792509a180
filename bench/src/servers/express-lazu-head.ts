// What lazu does on Express before a body is read.
import { lazu, lazuErrors } from '@lazu/express'
import express from 'express'
import { complete, route } from './completion.js'
import { headOptions } from './lazu-options.js'
import { announce, host } from './serve.js'

const gateway = lazu(headOptions)

const app = express()
app.use('/v1', gateway.admit, express.json())
app.post(route, (request, response) => {
  response.json(complete(request.body))
})
app.use(lazuErrors())
announce(app.listen(0, host))
