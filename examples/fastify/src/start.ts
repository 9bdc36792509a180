import { run } from '@lazu/example-model'
import { serve } from './server.js'

await run('Fastify', serve)
