import { dialects, type GatewayOptions } from '@lazu/core'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/express'
import express from 'express'
import { expect, it } from 'vitest'
import { doctor, serve, share } from './doctor-setup.js'

const routes = [
  'POST /v1/chat/completions',
  'POST /v1/messages',
  'POST /v1beta/models/gpt-5:generateContent',
]

/** A server whose handlers count what reaches them. */
function countingApp(options: GatewayOptions): { app: express.Express; handled: () => number } {
  let handled = 0
  const app = express()
  const { admit, meter } = lazu(options)
  app.use(admit, express.json(), meter)
  app.post(['/v1/chat/completions', '/v1/messages', '/v1beta/models/:call'], (_, response) => {
    handled++
    response.json({ served: true })
  })
  app.use(lazuNotFound(), lazuErrors())
  return { app, handled: () => handled }
}

it.each(Object.values(dialects))(
  'finds no mistake in a sound server that speaks like $name, in any protocol',
  async (dialect) => {
    const { options, apiKey } = await share()
    // Without a request log everything is read from the answers.
    const sound: GatewayOptions = {
      ...options,
      dialect,
      protocol: 'native',
      requestLog: undefined,
    }
    const { app, handled } = countingApp(sound)
    const url = await serve(app)
    const { code, of, codes } = await doctor({ gateway: sound, url, routes }, { apiKey })
    expect(codes('mistake')).toEqual([])
    expect(codes('warning')).toEqual([])
    expect(code).toBe(0)
    for (const check of ['OPEN_ROUTE', 'BODY_BEFORE_KEY', 'METER', 'ERROR_FORMAT']) {
      expect(of(check).map(({ level, route }) => [level, route])).toEqual(
        routes.map((route) => ['ok', route]),
      )
    }
    expect(handled()).toBe(0)
  },
)
