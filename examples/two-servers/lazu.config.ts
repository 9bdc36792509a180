import { portFrom } from '@lazu/example-model'
import { defineConfig } from 'lazu'
import { openGateway } from './gateway.js'

/** What the `lazu` command is told of this example: it works on the same Postgres and Redis as the servers. */
export default defineConfig(async () => {
  const { options, close } = await openGateway()
  return {
    gateway: options,
    url: `http://127.0.0.1:${portFrom(process.env)}`,
    routes: ['GET /v1/models', 'POST /v1/chat/completions'],
    close,
  }
})
