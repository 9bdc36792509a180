import { once } from 'node:events'
import { createServer } from 'node:http'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/express'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { chat, doctor, serve, share, soundApp, type Shared } from './doctor-setup.js'

const routes = [chat]

/** Examines what an app serves, with a key that works. */
async function examined(
  { options, apiKey }: Shared,
  app: express.Express,
): ReturnType<typeof doctor> {
  return doctor({ gateway: options, url: await serve(app), routes }, { apiKey })
}

describe('a route', () => {
  it('that answers without a key is a mistake', async () => {
    const shared = await share()
    const app = express()
    app.use('/v1', express.json(), lazu(shared.options).meter)
    app.post('/v1/chat/completions', (_request, response) => void response.json({ served: true }))
    app.use(lazuNotFound(), lazuErrors())
    app.get('/v1/models', (_request, response) => void response.json([]))
    const { code, of } = await examined(shared, app)
    expect(code).toBe(1)
    expect(of('OPEN_ROUTE')).toMatchObject([
      { level: 'mistake', route: chat, mend: expect.stringContaining('gateway.admit') },
    ])
  })

  it.each([
    ['that serves everybody', 200],
    ['that is not there', 404],
    ['that crashes', 500],
  ])('%s is a mistake', async (_, status) => {
    const shared = await share()
    const app = express()
    app.post('/v1/chat/completions', (_request, response) => void response.sendStatus(status))
    const { code, of } = await examined(shared, app)
    expect(code).toBe(1)
    expect(of('OPEN_ROUTE')).toMatchObject([
      { level: 'mistake', found: `${chat} answers ${status} to a request without a key.` },
    ])
  })

  it('that waits for the body before it asks for a key is a mistake', async () => {
    const shared = await share()
    const app = express()
    const { admit, meter } = lazu(shared.options)
    app.use('/v1', express.json(), admit, meter)
    app.use(lazuNotFound(), lazuErrors())
    const { code, of, codes } = await examined(shared, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['BODY_BEFORE_KEY'])
    expect(of('BODY_BEFORE_KEY')).toMatchObject([
      {
        found: expect.stringContaining('waits for the body'),
        mend: expect.stringContaining('gateway.admit, express.json(), gateway.meter'),
      },
    ])
  })

  it('that refuses the size of a body before it asks for a key is a mistake', async () => {
    const shared = await share()
    const app = express()
    app.use((request, response, next) => {
      if (Number(request.headers['content-length']) > 1_000_000) response.sendStatus(413)
      else next()
    })
    app.use(soundApp(shared.options))
    const { code, of, codes } = await examined(shared, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['BODY_BEFORE_KEY'])
    expect(of('BODY_BEFORE_KEY')[0]?.found).toContain('refuses the size of the body (413)')
  })

  it.each([true, false])('without the meter is a mistake, request log: %s', async (hasLog) => {
    const shared = await share()
    const options = hasLog ? shared.options : { ...shared.options, requestLog: undefined }
    const app = express()
    app.use('/v1', lazu(options).admit, express.json())
    app.post('/v1/chat/completions', (_request, response) => void response.json({ served: true }))
    app.use(lazuNotFound(), lazuErrors())
    const { code, of, codes } = await examined({ ...shared, options }, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['METER'])
    expect(of('METER')[0]?.found).toContain(hasLog ? 'request log shows' : 'inferred')
    expect(of('METER')[0]?.mend).toContain('then the body parser, then gateway.meter')
    if (!hasLog) return
    expect(of('GUARDS')).toMatchObject([
      { facts: { guards: { 'api-key': 'active', model: 'missing', quota: 'missing' } } },
    ])
  })

  it('that is not there is seen by its answer alone, too', async () => {
    const shared = await share()
    const options = { ...shared.options, requestLog: undefined }
    const app = express()
    app.use(lazuNotFound(), lazuErrors())
    const { code, of } = await examined({ ...shared, options }, app)
    expect(code).toBe(1)
    expect(of('OPEN_ROUTE')[0]?.mend).toContain('See that this is the route as it is mounted')
    expect(of('METER')).toMatchObject([
      { level: 'mistake', found: expect.stringContaining('answers 404') },
    ])
  })

  it('that runs with fewer models or without a timeout is a mistake', async () => {
    const shared = await share()
    const { keys, requestLog } = shared.options
    const { code, of } = await examined(shared, soundApp({ keys, requestLog }))
    expect(code).toBe(1)
    expect(of('METER')).toMatchObject([
      { level: 'mistake', found: expect.stringContaining('which this configuration refuses') },
    ])
    expect(of('GUARDS')).toMatchObject([
      { level: 'mistake', found: `${chat} runs without timeout, which the configuration has.` },
    ])
  })

  it('that shows the errors of its framework is a mistake', async () => {
    const shared = await share()
    const app = express().set('env', 'test')
    const { admit, meter } = lazu(shared.options)
    app.use('/v1', admit, express.json(), meter)
    const { code, of, codes } = await examined(shared, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['NOT_FOUND_FORMAT', 'ERROR_FORMAT'])
    expect(of('NOT_FOUND_FORMAT')).toMatchObject([
      {
        found: expect.stringContaining('404 and text/html'),
        mend: expect.stringContaining('app.use(lazuErrors())'),
      },
    ])
    expect(of('ERROR_FORMAT')).toMatchObject([
      { found: expect.stringContaining('400 and text/html'), route: chat },
    ])
  })

  it('is not seen behind a key that does not work, which is a warning', async () => {
    const shared = await share()
    const { key, record } = await shared.keys.create({ account: 'acme', name: 'off' })
    await shared.keys.disable(record.id)
    const { code, of, codes } = await examined({ ...shared, apiKey: key }, soundApp(shared.options))
    expect(code).toBe(0)
    expect(codes('warning')).toEqual(['PROBE_KEY'])
    expect(of('PROBE_KEY')[0]?.found).toContain('answers 403 to LAZU_KEY')
    expect(of('METER')).toMatchObject([{ level: 'not_checked' }])
    expect(of('ERROR_FORMAT')).toMatchObject([{ level: 'not_checked' }])
  })
})

describe('a server', () => {
  it('with another file is a mistake: it takes another key', async () => {
    const [shared, other] = [await share(), await share()]
    const { code, of, codes } = await examined(shared, soundApp(other.options))
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['OTHER_STORES'])
    expect(of('OTHER_STORES')[0]?.found).toContain('refuses LAZU_KEY')
    const theirs = await examined({ ...shared, apiKey: other.apiKey }, soundApp(other.options))
    expect(theirs.of('OTHER_STORES')[0]?.found).toContain('takes LAZU_KEY')
  })

  it('with another request log is a mistake: it does not note its requests here', async () => {
    const [shared, other] = [await share(), await share()]
    const options = { ...shared.options, requestLog: other.options.requestLog }
    const { code, of, codes } = await examined(shared, soundApp(options))
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['OTHER_STORES'])
    expect(of('OTHER_STORES')).toMatchObject([
      {
        found: expect.stringContaining('has none of the requests'),
        mend: expect.stringContaining('relative paths'),
      },
    ])
  })

  it.each([
    ['ahead of', 90_000],
    ['behind', -3_600_000],
  ])('whose clock is %s this one is a mistake', async (word, offMs) => {
    const shared = await share()
    const app = express()
    app.use((_request, response, next) => {
      response.setHeader('date', new Date(Date.now() + offMs).toUTCString())
      next()
    })
    app.use(soundApp(shared.options))
    const { code, of, codes } = await examined(shared, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['CLOCK'])
    expect(of('CLOCK')[0]?.found).toContain(word)
    expect(of('CLOCK')[0]?.mend).toContain('NTP')
  })

  it('that sends everybody elsewhere is a mistake, and is not followed', async () => {
    const shared = await share()
    const app = express()
    app.use((request, response) => response.redirect(308, `https://api.test${request.url}`))
    const { code, of, codes } = await examined(shared, app)
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['SERVER'])
    expect(of('SERVER')[0]?.found).toContain('redirects to https://api.test')
    expect(of('OPEN_ROUTE')).toMatchObject([{ level: 'not_checked' }])
  })

  it('that does not speak TLS is a mistake', async () => {
    const { options } = await share()
    const url = (await serve(soundApp(options))).replace('http:', 'https:')
    const { code, of } = await doctor({ gateway: options, url, routes })
    expect(code).toBe(1)
    expect(of('SERVER')).toMatchObject([
      {
        level: 'mistake',
        found: expect.stringContaining('TLS'),
        mend: expect.stringContaining('http://'),
      },
    ])
  })

  it('that does not run is a mistake where somebody names its url, and otherwise not', async () => {
    const { options } = await share()
    const url = await nowhere()
    const byConfig = await doctor({ gateway: options, url, routes })
    expect(byConfig.code).toBe(0)
    expect(byConfig.of('SERVER')).toMatchObject([
      { level: 'not_checked', found: expect.stringContaining('ECONNREFUSED') },
    ])
    const byOption = await doctor({ gateway: options, routes }, { argv: ['--url', url] })
    expect(byOption.code).toBe(1)
    expect(byOption.of('SERVER')).toMatchObject([{ level: 'mistake' }])
    expect(byOption.of('METER')).toMatchObject([{ level: 'not_checked' }])
  })

  it('that answers without end is not read to the end', async () => {
    const { options } = await share()
    const url = await serve((_request, response) => {
      response.writeHead(404, { 'content-type': 'text/plain' })
      const more = (): void => {
        while (response.write('x'.repeat(16_384)));
        response.once('drain', more)
      }
      more()
    })
    const { code, of } = await doctor({ gateway: options, url, routes })
    expect(code).toBe(1)
    expect(of('NOT_FOUND_FORMAT')).toMatchObject([{ level: 'mistake' }])
  })
})

/** A url of this machine where nobody listens any more. */
async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${address.port}`
}
