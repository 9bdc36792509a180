import { generateKey } from '@lazu/core'
import type { Load } from '../load/load.js'
import { model, route } from '../servers/completion.js'
import type { Call } from './stacks.js'

/** The key the servers let in, and one that is as well-formed and nobody's. */
export const key: string = generateKey('sk-lazu-')
const wrongKey = generateKey('sk-lazu-')

/** A body of 1 KB. */
const messages = [{ role: 'user', content: '' }]
const empty = JSON.stringify({ model, messages, max_tokens: 256 })
const content = 'What is the answer to this question? '.repeat(30).slice(0, 1024 - empty.length)
export const body: string = JSON.stringify({
  model,
  messages: [{ role: 'user', content }],
  max_tokens: 256,
})

/** What a call is, but for how long and how often. */
export function requestOf(call: Call): Pick<Load, 'path' | 'headers' | 'body' | 'status'> {
  return {
    path: route,
    headers: {
      authorization: `Bearer ${call === '401' ? wrongKey : key}`,
      'content-type': 'application/json',
    },
    body,
    status: call === 'good' ? 200 : Number(call),
  }
}
