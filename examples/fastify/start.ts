import { run } from '@lazu/example-model'
import { serve } from './server.js'

// This module runs in dist, which is inside the example's folder.
await run({ framework: 'Fastify', folder: new URL('..', import.meta.url), serve })
