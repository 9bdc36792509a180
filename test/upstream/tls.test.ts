import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { answer, json, selfSigned, startScriptedUpstream } from '@lazu/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { startStreamingServer, type StreamingServer } from './streaming-server.js'

it('reads small and large answers of an upstream that speaks TLS', async () => {
  const upstream = await startScriptedUpstream({ tls: true })
  onTestFinished(() => upstream.close())
  const server = await startStreamingServer(upstream.url, selfSigned.certificate)
  const small = JSON.stringify({ choices: [] })
  const large = JSON.stringify({ choices: [], text: 'ü'.repeat(1_000_000) })
  const sound = 'x'.repeat(2_000_000)
  upstream.script(json(small), json(large), answer(200, { 'content-type': 'audio/mpeg' }, sound))
  for (const body of [small, large, sound]) {
    // Not compared by `toBe`, which would print megabytes.
    expect((await ask(server)) === body).toBe(true)
  }
  expect(upstream.accepted).toBe(1)
})

/** The body of an answer. */
function ask({ key, path: socketPath }: StreamingServer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const options = { socketPath, method: 'POST', path: '/v1/chat/completions', headers }
    const asked = request(options, (response) => void text(response).then(resolve, reject))
    asked.on('error', reject)
    asked.end(JSON.stringify({ model: 'm', messages: [] }))
  })
}
