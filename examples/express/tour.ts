/**
 * A walk through the gateway with the official `openai` SDK: starts the server, meets its guards one
 * after the other, and prints what the SDK made of every answer.
 */
import { createDemo, urlOf } from '@lazu/example-model'
import { formatUsd } from '@lazu/express'
import type OpenAI from 'openai'
import { VERSION } from 'openai/version'
import { serve } from './server.js'
import { createClient } from './tour-client.js'
import { attemptFacts, createLog, errorFacts, print, type Facts } from './tour-report.js'

const demo = await createDemo()
const { keys, ledger, secrets } = demo
const { good, elsewhere, poor, disabled } = secrets
const log = createLog()
demo.options.logger = log
const server = await serve(demo, 0)
const url = urlOf(server)
const messages = [{ role: 'user' as const, content: 'Hello, gateway!' }]
let steps = 0

console.log(`lazu on Express, seen by the official openai SDK ${VERSION}`)
console.log(url)

await step('A good call', good, chat('lazu-echo'))
await step('A stream, word by word', good, stream('lazu-echo'))

await step('A key nobody has', 'sk-lazu-no-such-key', listModels)
await step('A key that is switched off', disabled, listModels)
await step('A key for another network', elsewhere, listModels)
await step('A quota used up', poor, chat('lazu-echo'))

await step('A model that does not exist', good, chat('gpt-0'))
await step('A temperature of 9', good, chat('lazu-echo', 9))
await step('No messages', good, async (openai) => {
  await openai.post('/chat/completions', { body: { model: 'lazu-echo' } })
  return {}
})

const busy = await keys.create({ account: 'acme', name: 'busy', limits: { rpm: 30 } })
const first = createClient(url, busy.key, 0)
for (let call = 0; call < 30; call++) await first.openai.models.list()
await step('The 31st call at once, of 30 a minute, without retries', busy.key, listModels, 0)
await step('The same call, with the retries the SDK does by itself', busy.key, listModels)

await step('A model that fails', good, chat('lazu-fails'))
await step('A model that fails in the middle of a stream', good, stream('lazu-fails'))
await step('A model that is too slow, without retries', good, chat('lazu-slow'), 0)

console.log(`\nThe good key has spent ${formatUsd(ledger.balance('acme').settled)}.`)
server.close()
server.closeAllConnections()

type Call = (openai: OpenAI) => Promise<Facts>

/** Makes a call with a client of its own, and prints what came of it. The SDK retries twice. */
async function step(title: string, apiKey: string, call: Call, maxRetries = 2): Promise<void> {
  console.log(`\n${String(++steps).padStart(2)}  ${title}`)
  const { openai, attempts } = createClient(url, apiKey, maxRetries)
  try {
    print(await call(openai))
  } catch (error) {
    print(errorFacts(error))
  }
  print(attemptFacts(attempts, maxRetries))
  print(log.take())
}

function chat(model: string, temperature = 1): Call {
  return async (openai) => {
    const { data, request_id } = await openai.chat.completions
      .create({ model, messages, temperature })
      .withResponse()
    return {
      said: String(data.choices[0]?.message.content),
      used: usageText(data.usage),
      'request id': String(request_id),
    }
  }
}

/** Prints the words as they come. */
function stream(model: string): Call {
  return async (openai) => {
    const chunks = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    const startedMs = performance.now()
    const words: string[] = []
    let usage: OpenAI.CompletionUsage | null | undefined
    try {
      for await (const chunk of chunks) {
        const word = chunk.choices[0]?.delta.content
        const atMs = Math.round(performance.now() - startedMs)
        if (word !== undefined && word !== null) words.push(`${word.trim()} (${atMs} ms)`)
        usage = chunk.usage ?? usage
      }
    } finally {
      print({ said: words.join(' ') })
    }
    return { used: usageText(usage) }
  }
}

async function listModels(openai: OpenAI): Promise<Facts> {
  const { data } = await openai.models.list()
  return { models: data.map(({ id }) => id).join(', ') }
}

function usageText(usage: OpenAI.CompletionUsage | null | undefined): string {
  return `${usage?.prompt_tokens} tokens in, ${usage?.completion_tokens} out`
}
