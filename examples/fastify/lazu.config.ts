import { openGateway, portFrom } from '@lazu/example-model'
import { defineConfig } from 'lazu'
import { serve } from './server.js'

/** What the `lazu` command is told of this example: it works on the data of `npm start`. */
export default defineConfig(() => {
  const { options, upstream, close } = openGateway(new URL('.', import.meta.url))
  return {
    gateway: options,
    url: `http://127.0.0.1:${portFrom(process.env)}`,
    routes: ['GET /v1/models', 'POST /v1/chat/completions'],
    serve: ({ port = portFrom(process.env), host }) => serve({ options, upstream }, port, host),
    close,
  }
})
