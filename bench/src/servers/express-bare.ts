// Express with a JSON parser and a handler.
import express from 'express'
import { complete, route } from './completion.js'
import { announce, host } from './serve.js'

const app = express()
app.use(express.json())
app.post(route, (request, response) => {
  response.json(complete(request.body))
})
announce(app.listen(0, host))
