import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { classify, type Condition } from '@lazu/core'
import createError from 'http-errors'
import { APIConnectionError, APIConnectionTimeoutError, OpenAI } from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'

describe('an error of http-errors', () => {
  it.each<[number, Condition, number]>([
    [400, 'request_invalid', 400],
    [401, 'api_key_invalid', 401],
    [403, 'access_denied', 403],
    [404, 'route_not_found', 404],
    [405, 'method_not_allowed', 405],
    [409, 'request_invalid', 409],
    [410, 'request_invalid', 410],
    [413, 'body_too_large', 413],
    [415, 'media_type_unsupported', 415],
    [418, 'request_invalid', 418],
    [422, 'value_invalid', 422],
    [429, 'request_rate_limited', 429],
    [500, 'internal_error', 500],
    [503, 'gateway_overloaded', 503],
  ])('%i is %s', (thrownStatus, condition, status) => {
    const thrown = createError(thrownStatus, 'Mine.', { headers: { 'X-Mine': 'yes' } })
    const error = classify(thrown)
    expect(error).toMatchObject({ condition, status, headers: { 'x-mine': 'yes' } })
    expect(error.message === 'Mine.').toBe(status < 500)
  })

  it('is hidden when it says so', () => {
    const { message } = classify(createError(404, 'Mine.', { expose: false }))
    expect(message).toBe('There is nothing at this path.')
  })
})

describe("an error of OpenAI's client", () => {
  it.each<[number, Condition, number]>([
    [400, 'body_malformed', 400],
    [401, 'channel_key_invalid', 502],
    [403, 'channel_key_invalid', 502],
    [404, 'upstream_rejected', 502],
    [409, 'upstream_rejected', 502],
    [422, 'body_malformed', 400],
    [429, 'upstream_unavailable', 503],
    [500, 'upstream_rejected', 502],
    [503, 'upstream_unavailable', 503],
  ])('for %i is %s', async (upstreamStatus, condition, status) => {
    const thrown = await thrownAt((_, response) => {
      const headers = { 'content-type': 'application/json', 'x-theirs': 'SECRET' }
      response.writeHead(upstreamStatus, headers)
      response.end('{"error":{"message":"SECRET","code":"invalid_api_key","param":"theirs"}}')
    })
    expect(thrown).toMatchObject({ status: upstreamStatus })
    const error = classify(thrown)
    expect(error).toMatchObject({ condition, status, param: undefined, headers: undefined })
    expect(error.details).toEqual({ status_code: upstreamStatus })
    expect(error.message).not.toContain('SECRET')
  })

  it('for a broken connection is upstream_unreachable', async () => {
    const thrown = await thrownAt((request) => void request.socket.destroy())
    expect(thrown).toBeInstanceOf(APIConnectionError)
    expect(classify(thrown).condition).toBe('upstream_unreachable')
  })

  it('for a time that was up is upstream_timeout', async () => {
    const thrown = await thrownAt(() => {}, { timeout: 20 })
    expect(thrown).toBeInstanceOf(APIConnectionTimeoutError)
    expect(classify(thrown).condition).toBe('upstream_timeout')
  })
})

/** What the client throws at an upstream. */
async function thrownAt(listener: RequestListener, options: object = {}): Promise<unknown> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const baseURL = `http://127.0.0.1:${address.port}/v1`
  const client = new OpenAI({ apiKey: 'sk-theirs', baseURL, maxRetries: 0, ...options })
  return client.models.list().then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  )
}
