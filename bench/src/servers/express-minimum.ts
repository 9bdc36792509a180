// The hand-written minimum on Express.
import express from 'express'
import { complete, route } from './completion.js'
import { admit, charge } from './hand-written.js'
import { announce, host } from './serve.js'

const app = express()
app.use((request, response, next) => {
  if (admit(request, response)) next()
})
app.use(express.json())
app.post(route, (request, response) => {
  const answer = complete(request.body)
  charge(request, answer.usage)
  response.json(answer)
})
announce(app.listen(0, host))
