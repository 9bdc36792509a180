import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, startScriptedUpstream } from '@lazu/testkit'
import { expect, it, onTestFinished, vi } from 'vitest'
import { root } from './snippets.js'

// Each test starts processes, on a machine that may have others to run.
vi.setConfig({ testTimeout: 60_000 })

const completion = {
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 20 },
}

/** What an example prints until it is ready, or has ended. */
async function started(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'lazu-example-'))
  const child = spawn(process.execPath, [join(root, 'examples', name, 'dist', 'start.js')], {
    env: { ...process.env, PORT: '0', DATA_DIR: data, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill()
    await ended
    await rm(data, { recursive: true })
  })
  let printed = ''
  child.stdout.on('data', (text: Buffer) => (printed += String(text)))
  child.stderr.on('data', (text: Buffer) => (printed += String(text)))
  await vi.waitFor(() => expect(printed + String(child.exitCode)).toMatch(/Ctrl\+C|\d$/), 30_000)
  return printed
}

it.each(['express', 'koa', 'fastify'])(
  'the %s example is a gateway to a real API when it is told one',
  async (name) => {
    const upstream = await startScriptedUpstream()
    onTestFinished(() => upstream.close())
    upstream.script(json(completion))
    const printed = await started(name, {
      UPSTREAM_URL: `${upstream.url}/v1`,
      UPSTREAM_KEY: 'sk-upstream',
      UPSTREAM_MODELS: 'real-1, real-2',
    })
    expect(printed).toContain('real-1, real-2: passed on to UPSTREAM_URL')
    expect(printed).not.toContain('sk-upstream')
    const [, url = ''] = /listens on (\S+)/.exec(printed) ?? []
    const [key = ''] = /sk-lazu-\w{30,}/.exec(printed) ?? []
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const ask = (model: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }),
      })
    const response = await ask('real-1')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(completion)
    expect(upstream.requests).toMatchObject([
      { target: '/v1/chat/completions', headers: { authorization: 'Bearer sk-upstream' } },
    ])
    expect((await ask('lazu-echo')).status).toBe(404)
    const models = await fetch(`${url}/v1/models`, { headers })
    expect(await models.json()).toMatchObject({ data: [{ id: 'real-1' }, { id: 'real-2' }] })
  },
)

it('says what is missing', async () => {
  const printed = await started('express', {
    UPSTREAM_URL: 'https://example.com',
    UPSTREAM_KEY: '',
  })
  expect(printed).toBe('UPSTREAM_KEY must be the key for UPSTREAM_URL, but is empty.\n')
})
