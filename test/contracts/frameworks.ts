import type { Harness } from '@lazu/testkit'
import { expressHarness } from '../../packages/express/test/harness.js'
import { fastifyHarness } from '../../packages/fastify/test/harness.js'
import { koaHarness } from '../../packages/koa/test/harness.js'

/** Every framework there is an adapter for. */
export const harnesses: readonly Harness[] = [expressHarness, koaHarness, fastifyHarness]
