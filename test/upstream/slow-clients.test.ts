import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { chunk, lastChunk, sseEvent, sseHead, startScriptedUpstream } from '@lazu/testkit'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startStreamingServer } from './streaming-server.js'

const streams = 1_000
const megabyte = 1_048_576
const event = sseEvent({
  data: { choices: [{ index: 0, delta: { content: 'x'.repeat(16_000) }, finish_reason: null }] },
})
const events = Math.ceil(megabyte / event.length)
const end =
  sseEvent({ data: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } }) +
  sseEvent('[DONE]')
const bytesOfStream = event.length * events + end.length

it('holds a thousand streams of a megabyte for slow clients in less than 200 MB', async () => {
  const upstream = await startScriptedUpstream()
  onTestFinished(() => upstream.close())
  const piece = chunk(event)
  const rest = Buffer.concat([chunk(end), Buffer.from(lastChunk)])
  upstream.script(async (call) => {
    await call.write(sseHead())
    for (let sent = 0; sent < events; sent++) await call.write(piece)
    await call.write(rest)
  })
  const server = await startStreamingServer(upstream.url)
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity })
  const ask = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { key, path: socketPath } = server
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const path = '/v1/chat/completions'
      const asked = request({ agent, socketPath, method: 'POST', path, headers }, resolve)
      asked.on('error', reject)
      asked.end(JSON.stringify({ model: 'm', messages: [], stream: true }))
    })

  // The same once before, for all that is made only once.
  for (let times = 0; times < 20; times++) expect(await bytesIn(await ask())).toBe(bytesOfStream)
  const before = await server.memory()

  const answers: IncomingMessage[] = []
  // No more at once than a server that listens lets wait: to a socket in the file system, a connection
  // above that is refused at once.
  while (answers.length < streams) {
    answers.push(...(await Promise.all(Array.from({ length: 100 }, ask))))
  }
  expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true)
  // Nobody reads: whatever the gateway takes now it has to keep.
  const arrived = (): number => answers.reduce((sum, { socket }) => sum + socket.bytesRead, 0)
  let last = -1
  let stills = 0
  await vi.waitFor(
    () => {
      stills = last === arrived() ? stills + 1 : 0
      last = arrived()
      expect(stills).toBe(10)
    },
    { timeout: 30_000 },
  )
  expect(arrived()).toBeLessThan((streams * megabyte) / 2)

  const bytes = await Promise.all(answers.map((answer) => bytesIn(answer)))
  expect(bytes.every((count) => count === bytesOfStream)).toBe(true)
  const after = await server.memory()
  expect(after.mostBytes - before.bytes).toBeLessThan(200 * megabyte)
  await vi.waitFor(async () => expect((await server.memory()).held).toBe(0))
}, 120_000)

async function bytesIn(answer: IncomingMessage): Promise<number> {
  let bytes = 0
  answer.on('data', (part: Buffer) => (bytes += part.length))
  await once(answer, 'end')
  return bytes
}
