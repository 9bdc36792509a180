import type { GatewayOptions } from '@lazu/core'
import type { Handler, HandlerInput, Harness, RunningApp } from '../harness.js'
import { ask, type Answer } from './client.js'
import { deferred } from './waiting.js'
import { serve, World } from './world.js'

/** A request whose handler runs. */
export interface Begun {
  readonly world: World
  readonly server: RunningApp
  readonly answer: Promise<Answer>
  readonly input: HandlerInput
}

/** Starts a request that holds 100, and waits until its handler runs. */
export async function begin(
  harness: Harness,
  options: GatewayOptions,
  handler: Handler,
): Promise<Begun> {
  const world = new World()
  world.credit(1_000)
  const key = await world.key()
  const entered = deferred<HandlerInput>()
  const server = await serve(harness, {
    gateway: world.paid(options),
    routes: {
      'POST /work': (input) => {
        entered.resolve(input)
        return handler(input)
      },
    },
  })
  const answer = ask(server, 'POST /work', { key, body: { model: 'm', max_tokens: 100 } })
  return { world, server, answer, input: await entered.promise }
}
