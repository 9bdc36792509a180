import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import {
  complete,
  errorOf,
  folder,
  freePort,
  root,
  run,
  serve,
  snippetFile,
  useSnippets,
} from './snippets.js'

useSnippets()

describe.each(['express', 'koa', 'fastify'])('the five-minute start on %s', (name) => {
  it('serves whoever has the key, and refuses the others', async () => {
    const { url, key, process: child } = await serve(name)
    try {
      const path = `${url}/v1/chat/completions`
      const post = (headers: Record<string, string>, body: object): Promise<Response> =>
        fetch(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        })
      const good = await post({ authorization: `Bearer ${key}` }, { model: 'gpt-5', messages: [] })
      expect(good.status).toBe(200)
      expect(good.headers.get('x-ratelimit-limit-requests')).toBe('60')
      expect(await good.json()).toHaveProperty('choices')

      const keyless = await post({}, { model: 'gpt-5' })
      expect(keyless.status).toBe(401)
      expect((await errorOf(keyless)).code).toBe('invalid_api_key')

      const unpriced = await post({ authorization: `Bearer ${key}` }, { model: 'gpt-6' })
      expect(unpriced.status).toBe(400)
      expect((await errorOf(unpriced)).code).toBe('pricing_not_configured')

      const nowhere = await fetch(`${url}/v1/nowhere`, {
        headers: { authorization: `Bearer ${key}` },
      })
      expect(nowhere.status).toBe(404)
      expect((await errorOf(nowhere)).code).toBe('route_not_found')
    } finally {
      child.kill()
    }
  })
})

it('answers a crash and a broken body with lazuErrors() alone', async () => {
  const { url, process: child } = await serve('errors')
  try {
    const post = (body: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
    const crash = await post('{}')
    expect(crash.status).toBe(500)
    expect(JSON.stringify(await errorOf(crash))).not.toContain('hunter2')
    const broken = await post('{')
    expect(broken.status).toBe(400)
    expect((await errorOf(broken)).code).toBe('bad_request_body')
  } finally {
    child.kill()
  }
})

it('speaks a dialect of your own', async () => {
  const { url, process: child } = await serve('dialect')
  try {
    const response = await fetch(`${url}/v1/nowhere`)
    expect(response.status).toBe(404)
    expect(response.headers.get('x-acme-request-id')).toMatch(/^req_acme_[0-9A-Z]{26}$/)
    expect((await errorOf(response)).code).toBe('no_such_route')
  } finally {
    child.kill()
  }
})

it('checks uploads', async () => {
  const { url, process: child } = await serve('files')
  try {
    const post = (purpose: string): Promise<Response> =>
      fetch(`${url}/v1/files`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ purpose }),
      })
    expect((await post('user_data')).status).toBe(201)
    const refused = await post('batch')
    expect(refused.status).toBe(400)
    expect(await errorOf(refused)).toMatchObject({
      code: 'purpose_not_supported',
      param: 'purpose',
    })
  } finally {
    child.kill()
  }
})

it('retries from the other end', async () => {
  const { url, process: child } = await serve('express')
  try {
    const file = await snippetFile('retry', (code) => code.replace('http://127.0.0.1:3000', url))
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 10_000 })
    expect(stdout.trim().split('\n')).toEqual(['401', 'undefined'])
  } finally {
    child.kill()
  }
})

it('refuses by a guard of your own', async () => {
  const { url, process: child } = await serve('guard')
  try {
    expect((await fetch(`${url}/v1/models`)).status).toBe(200)
    const batches = await fetch(`${url}/v1/batches`)
    expect(batches.status).toBe(503)
    expect(batches.headers.get('retry-after')).toBe('3600')
    expect((await errorOf(batches)).message).toBe('Batches are back in an hour.')
  } finally {
    child.kill()
  }
})

it('notes what became of requests', async () => {
  const { url, key, process: child } = await serve('request-log')
  try {
    let printed = ''
    child.stdout?.on('data', (chunk: Buffer) => (printed += String(chunk)))
    const good = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
    expect(good.status).toBe(200)
    const keyless = await fetch(`${url}/v1/models`)
    const { request_id: refusedId } = await errorOf(keyless)
    await vi.waitFor(() =>
      expect(printed.trim().split('\n')).toEqual([
        `${good.headers.get('x-request-id')} 200 passed`,
        `${refusedId} 401 api-key`,
      ]),
    )
  } finally {
    child.kill()
  }
})

it('keeps keys and money in a file', async () => {
  const first = await serve('sqlite')
  const { sqliteStore } = await import('@lazu/sqlite')
  const store = sqliteStore({ path: join(folder, 'gateway.db') })
  const charged = (requests: number): Promise<void> =>
    vi.waitFor(async () => {
      const { granted, settled } = await store.ledger.balance('acme')
      expect({ granted, settled }).toEqual({ granted: 5_000_000, settled: requests * 213 })
    })
  try {
    expect((await complete(first, first.key)).status).toBe(200)
    await charged(1)
  } finally {
    first.process.kill('SIGKILL')
  }
  const second = await serve('sqlite')
  try {
    expect((await complete(second, first.key)).status).toBe(200)
    expect((await complete(second, second.key)).status).toBe(200)
    await charged(3)
  } finally {
    second.process.kill()
    await store.close()
  }
})

it('keeps the promises of the SQLite store', async () => {
  const { url, key, process: child } = await serve('sqlite-package')
  try {
    expect((await complete({ url }, key)).status).toBe(200)
  } finally {
    child.kill()
  }
  const told = await run('sqlite-ledger')
  expect(told).toContain('available: 4985000')
  expect(told).toContain("kind: 'settled'")
  expect(await run('sqlite-compact')).toBe('0 reservations compacted\n')
  // The driver the README names is compiled where it is installed; libsql has the same methods.
  const libsql = createRequire(join(root, 'packages', 'sqlite', 'package.json')).resolve('libsql')
  expect(await run('sqlite-database', (code) => code.replace('better-sqlite3', libsql))).toBe('')
})

it('runs the command by its configuration', async () => {
  const file = await snippetFile('lazu-config', (code) => code)
  const env = { ...process.env }
  const lazu = async (...args: string[]): Promise<string> => {
    const command = join(root, 'packages', 'cli', 'bin', 'lazu.js')
    const argv = [command, '--config', file, ...args]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { env })
    return stdout
  }
  const made = await lazu('keys', 'create', '--account', 'acme', '--name', 'first', '--json')
  const { key }: { key: string } = JSON.parse(made)
  expect(key).toMatch(/^sk-lazu-/)
  expect(await lazu('keys', 'list')).toContain('first')
  const port = await freePort()
  const command = join(root, 'packages', 'cli', 'bin', 'lazu.js')
  const server = spawn(process.execPath, [command, 'serve', '--config', file, '--port', `${port}`])
  try {
    const [listening]: unknown[] = await once(createInterface(server.stdout), 'line')
    expect(listening).toContain(String(port))
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(answer.status).toBe(200)
    env['LAZU_KEY'] = key
    const report = await lazu('doctor', '--url', `http://127.0.0.1:${port}`)
    expect(report).toContain('0 mistakes, 0 warnings')
  } finally {
    server.kill()
  }
  // Five processes, one after the other, on a machine that may have others to run.
}, 60_000)

it.each(['express-package', 'koa-package', 'fastify-package'])('serves %s', async (name) => {
  const { url, key, process: child } = await serve(name)
  try {
    const good = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
    expect(await good.json()).toEqual({ account: 'acme' })
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
  } finally {
    child.kill()
  }
})

it('tells whether it is ready, and waits for charges before it ends', async () => {
  const { url, key, process: child } = await serve('degraded')
  try {
    const ready = await fetch(`${url}/readyz`)
    expect(await ready.json()).toEqual({
      status: 'ok',
      stores: { keys: 'ok', ledger: 'ok' },
      unsettled: 0,
    })
    const good = await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${key}`, connection: 'close' },
    })
    expect(good.headers.get('x-lazu-degraded')).toBeNull()
    child.kill('SIGTERM')
    const [code]: unknown[] = await once(child, 'exit')
    expect(code).toBe(0)
  } finally {
    child.kill()
  }
})

it('makes, changes, rotates and revokes keys', async () => {
  const printed = (await run('keys')).trim().split('\n')
  expect(printed).toHaveLength(2)
  for (const key of printed) expect(key).toMatch(/^sk-lazu-[A-Za-z0-9]{38}$/)
  expect(printed[0]).not.toBe(printed[1])
})

it.each(['limits', 'limiter'])('takes the options of %s', async (name) => {
  expect(await run(name)).toBe('')
})

it('formats an error without a framework', async () => {
  expect((await run('core')).trim()).toBe('502 upstream_network_error')
})

it('has a true table of errors', async () => {
  const check = promisify(execFile)(process.execPath, ['scripts/errors-table.mjs', '--check'], {
    cwd: root,
  })
  await expect(check).resolves.toBeDefined()
})
