import { json, startScriptedUpstream } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { complete, serve, useSnippets } from './snippets.js'

useSnippets()

const completion = {
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 20 },
}

it('passes requests on, to another channel when one fails', async () => {
  const [first, second] = [await startScriptedUpstream(), await startScriptedUpstream()]
  first.script(json({}, { status: 500 }))
  second.script(json(completion))
  const {
    key,
    process: child,
    url,
  } = await serve(
    'upstream',
    (code) =>
      code
        .replace('https://api.openai.com/v1', `${first.url}/v1`)
        .replace('https://other.example/api/v1', `${second.url}/api/v1`),
    { OPENAI_API_KEY: 'sk-first', OTHER_API_KEY: 'sk-second' },
  )
  try {
    const response = await complete({ url }, key)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(completion)
    expect(first.requests).toMatchObject([
      { target: '/v1/chat/completions', headers: { authorization: 'Bearer sk-first' } },
    ])
    expect(second.requests).toMatchObject([
      { target: '/api/v1/chat/completions', headers: { authorization: 'Bearer sk-second' } },
    ])
    expect(JSON.parse(second.requests[0]?.body ?? '')).toMatchObject({ model: 'openai/gpt-5' })
  } finally {
    child.kill()
    await Promise.all([first.close(), second.close()])
  }
})

it('makes calls of a handler’s own', async () => {
  const upstream = await startScriptedUpstream()
  upstream.script(json(completion))
  const env = { UPSTREAM_URL: upstream.url, UPSTREAM_KEY: 'sk-upstream' }
  const { process: child, url } = await serve('upstream-call', (code) => code, env)
  try {
    const response = await fetch(`${url}/v1/summaries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'A long story.' }),
    })
    expect(await response.json()).toEqual({ summary: completion })
    expect(upstream.requests[0]?.body).toContain('A long story.')
  } finally {
    child.kill()
    await upstream.close()
  }
})
