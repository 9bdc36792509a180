import { exchangeBehind, GatewayError } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { harnesses, startGateway } from './gateway.js'

describe.each(harnesses)('a response that was taken over on $name', (harness) => {
  it('is answered with an error while no head was sent', async () => {
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: 'http://127.0.0.1:1', key: 'k' }],
      routes: () => ({
        'POST /v1/chat/completions': ({ lazu, setHeader }) => {
          setHeader('x-before', 'kept')
          const exchange = exchangeBehind(lazu)
          exchange.takeOver()
          exchange.refuse(new GatewayError('upstream_empty_response'))
        },
      }),
    })
    const response = await gateway.post({ model: 'm' })
    expect(response.status).toBe(502)
    expect(response.headers.get('x-before')).toBe('kept')
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_error' } })
  })
})
