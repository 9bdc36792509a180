// The whole preset of lazu on Express.
import { lazu, lazuErrors } from '@lazu/express'
import express from 'express'
import { complete, route } from './completion.js'
import { options } from './lazu-options.js'
import { announce, host } from './serve.js'

const gateway = lazu(options)

const app = express()
app.use('/v1', gateway.admit, express.json(), gateway.meter)
app.post(route, (request, response) => {
  const answer = complete(request.body)
  request.lazu.charge(answer.usage)
  response.json(answer)
})
app.use(lazuErrors())
announce(app.listen(0, host))
