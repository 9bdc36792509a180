import express from 'express'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/express'
import { describe, expect, it } from 'vitest'
import { folderWith, runIn, spawnLazu } from './command.js'
import { chat, doctor, doctorText, serve, share, soundApp } from './doctor-setup.js'

describe('lazu doctor on a sound server', () => {
  it('finds nothing at all, and calls no handler and moves no money for it', async () => {
    const { options, store, apiKey } = await share()
    let handled = 0
    const app = express()
    const { admit, meter } = lazu(options)
    app.use('/v1', admit, express.json(), meter, (_request, _response, next) => {
      handled++
      next()
    })
    app.use(lazuNotFound(), lazuErrors())
    await store.ledger.credit('acme', 1_000_000, 'invoice-1')
    const routes = [chat, 'GET /v1/models']
    const config = { gateway: options, url: await serve(app), routes }

    const { code, lines } = await doctor(config, { apiKey })

    expect(code).toBe(0)
    const open = lines.filter(({ level }) => level !== 'ok')
    // Of a route without a body only what comes before the key can be seen.
    expect(open.map(({ level, route }) => [level, route])).toEqual([
      ['not_checked', 'GET /v1/models'],
      ['not_checked', 'GET /v1/models'],
      ['not_checked', 'GET /v1/models'],
    ])
    expect(handled).toBe(0)
    expect(await store.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0 })
  })

  it('tells which guards are active on which routes, and which address the server saw', async () => {
    const { options, apiKey } = await share()
    const routes = [chat, 'GET /v1/models']
    const config = { gateway: options, url: await serve(soundApp(options)), routes }
    const { of } = await doctor(config, { apiKey })
    expect(of('GUARDS').map(({ route, facts }) => ({ route, ...facts }))).toEqual([
      {
        route: chat,
        guards: {
          'request-id': 'active',
          timeout: 'active',
          'api-key': 'active',
          'ip-allowlist': 'active',
          'rate-limit': 'active',
          validate: 'off',
          model: 'active',
          'token-limit': 'not reached',
          quota: 'not reached',
        },
      },
      {
        route: 'GET /v1/models',
        guards: {
          'request-id': 'active',
          timeout: 'active',
          'api-key': 'active',
          'ip-allowlist': 'not reached',
          'rate-limit': 'not reached',
          validate: 'off',
          model: 'not reached',
          'token-limit': 'not reached',
          quota: 'not reached',
        },
      },
    ])
    expect(of('PROXY_ADDRESS')).toMatchObject([{ facts: { seen: '127.0.0.1', own: '127.0.0.1' } }])

    const { stdout } = await doctorText(config, { apiKey })
    expect(stdout).toMatch(/^Guard +POST \/v1\/chat\/completions +GET \/v1\/models$/m)
    expect(stdout).toMatch(/^api-key +active +active$/m)
    expect(stdout).toMatch(/^model +active +not reached$/m)
    expect(stdout).toContain("The server sees 127.0.0.1, which is this machine's.")
    expect(stdout).toMatch(/gateway\.ledger answered in [\d.]+ ms/)
    expect(stdout).toMatch(/^0 mistakes, 0 warnings, \d+ ok, 3 not checked\.$/m)
  })

  it('says what it leaves out without LAZU_KEY', async () => {
    const { options } = await share()
    const config = { gateway: options, url: await serve(soundApp(options)), routes: [chat] }
    const { code, lines } = await doctor(config)
    expect(code).toBe(0)
    const open = lines.filter(({ level }) => level !== 'ok')
    expect(open.map(({ code: check, found }) => [check, found])).toEqual([
      ['LAZU_DOCTOR_PROBE_KEY', 'LAZU_KEY is not set.'],
      ['LAZU_DOCTOR_METER', 'LAZU_KEY is not set.'],
      ['LAZU_DOCTOR_ERROR_FORMAT', 'LAZU_KEY is not set.'],
    ])
  })

  it('infers from answers where there is no request log, and says so', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, requestLog: undefined }
    const config = { gateway, url: await serve(soundApp(gateway)), routes: [chat] }
    const { code, of, codes } = await doctor(config, { apiKey })
    expect(code).toBe(0)
    expect(codes('warning')).toEqual([])
    expect(of('METER')).toMatchObject([{ level: 'ok', found: expect.stringContaining('inferred') }])
    expect(of('GUARDS')).toMatchObject([
      { facts: { guards: { 'api-key': 'inferred', model: 'inferred', timeout: 'not reached' } } },
    ])
    expect(codes('not_checked')).toEqual(['REQUEST_LOG', 'PROXY_ADDRESS', 'SPOOFED_ADDRESS'])
    expect(of('OTHER_STORES')).toMatchObject([
      { level: 'ok', found: expect.stringContaining('LAZU_KEY') },
    ])
  })

  it.each(['DELETE', 'PUT', 'PATCH'])('never tries a route with %s', async (method) => {
    const { options, apiKey } = await share()
    const reached: string[] = []
    const url = await serve((request, response) => {
      reached.push(`${request.method} ${request.url}`)
      response.end('{}')
    })
    const routes = [`${method} /v1/files/1`]
    const { of } = await doctor({ gateway: options, url, routes }, { apiKey })
    expect(reached).toEqual([expect.stringMatching(/^GET \/lazu-doctor-/)])
    for (const check of ['OPEN_ROUTE', 'BODY_BEFORE_KEY', 'GUARDS', 'METER', 'ERROR_FORMAT']) {
      expect(of(check)).toMatchObject([
        { level: 'not_checked', found: expect.stringContaining(`would carry out a ${method}`) },
      ])
    }
  })

  it('sends no probe that would reach the handler', async () => {
    const { keys, options, apiKey } = await share()
    const gateway = { keys, limits: options.limits, requestLog: options.requestLog }
    const config = { gateway, url: await serve(soundApp(gateway)), routes: [chat] }
    const { code, of } = await doctor(config, { apiKey })
    expect(code).toBe(0)
    expect(of('METER')).toMatchObject([
      { level: 'not_checked', found: expect.stringContaining('would refuse a probe') },
    ])
  })
})

describe('lazu doctor', () => {
  it('is a command that reads the stores of a server that runs in another process', async () => {
    const { options, path, apiKey } = await share()
    const url = await serve(soundApp(options))
    const folder = await folderWith({
      'lazu.config.ts': `
        import { createKeys } from '@lazu/core'
        import { sqliteStore } from '@lazu/sqlite'
        import { defineConfig } from 'lazu'

        const store = sqliteStore({ path: ${JSON.stringify(path)} })
        export default defineConfig({
          gateway: {
            keys: createKeys({ store: store.keys }),
            ledger: store.ledger,
            requestLog: store.requestLog,
            models: ['gpt-5'],
            prices: { 'gpt-5': { input: 1, output: 1 } },
            timeout: '30s',
          },
          routes: ['${chat}'],
          close: () => store.close(),
        })`,
    })
    const argv = ['doctor', '--url', url]
    const { code, stdout, stderr } = await spawnLazu(folder, argv, { env: { LAZU_KEY: apiKey } })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^0 mistakes, 0 warnings, \d+ ok, 0 not checked\.$/m)
    expect(stdout).not.toContain(apiKey)
    expect(code).toBe(0)
  })

  it.each([
    ['a url of another protocol', ['--url', 'ftp://127.0.0.1'], '--url'],
    ['a url with a password', ['--url', 'http://me:secret@127.0.0.1'], '--url'],
    ['a route without a method', ['--route', '/v1'], '--route'],
  ])('refuses %s', async (_, argv, param) => {
    const folder = await folderWith({ 'lazu.config.mjs': 'export default { gateway: {} }' })
    const { code, stderr } = await runIn(folder, ['doctor', ...argv, '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage', param } })
    expect(stderr).not.toContain('secret')
  })

  it('refuses a LAZU_KEY that is none, without showing it', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': 'export default { gateway: {} }' })
    const env = { LAZU_KEY: 'sk-lazu-topsecret\n' }
    const { code, stdout, stderr } = await runIn(folder, ['doctor'], { env })
    expect(code).toBe(2)
    expect(stderr).toContain('LAZU_KEY')
    expect(stdout + stderr).not.toContain('topsecret')
  })

  it('never shows LAZU_KEY, even when the server sends it back', async () => {
    const { options, apiKey } = await share()
    const url = await serve((request, response) => {
      const { authorization = 'nothing' } = request.headers
      response.writeHead(400, {
        'content-type': `text/${authorization}`,
        via: authorization,
        location: `http://${authorization}/`,
      })
      response.end(JSON.stringify({ error: { message: authorization, code: authorization } }))
    })
    const config = { gateway: options, url, routes: [chat] }
    const texts = [
      await doctorText(config, { apiKey }),
      await doctorText(config, { apiKey, argv: ['--json'] }),
    ]
    for (const { stdout, stderr } of texts) {
      expect(stdout).toContain('[LAZU_KEY]')
      expect(stdout + stderr).not.toContain(apiKey)
    }
  })
})
