import { setTimeout as wait } from 'node:timers/promises'
import type { RequestLog, RequestRecord } from '@lazu/core'
import { askStore } from './ask-store.js'
import type { NotSent, Seen } from './examination.js'

const deadlineMs = 2_000
const betweenMs = 50

/**
 * What a request log has of probes, by the request ids of their answers. Waits for 2 s at most:
 * stores write records in batches.
 */
export async function findRecords(
  log: RequestLog,
  probes: readonly (Seen | NotSent)[],
): Promise<ReadonlyMap<Seen | NotSent, RequestRecord>> {
  const found = new Map<Seen | NotSent, RequestRecord>()
  const open = new Map<Seen | NotSent, string>()
  for (const sent of probes) {
    const id = requestIdOf(sent)
    if (id !== undefined) open.set(sent, id)
  }
  const endMs = performance.now() + deadlineMs
  while (open.size > 0) {
    for (const [sent, id] of open) {
      const answer = await askStore(() => log.find(id))
      if (answer.kind === 'failed') return found
      if (answer.value === undefined) continue
      found.set(sent, answer.value)
      open.delete(sent)
    }
    if (performance.now() >= endMs) break
    await wait(betweenMs)
  }
  return found
}

function requestIdOf(sent: Seen | NotSent): string | undefined {
  if (sent.kind === 'not_sent' || sent.outcome.kind === 'no_answer') return undefined
  const id = sent.outcome.headers['x-request-id']
  return id === undefined || id === '' || id.length > 200 ? undefined : id
}
