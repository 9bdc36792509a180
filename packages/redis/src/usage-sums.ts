import { dateOfDay, dayOfDate, type UsageQuery, type UsageSum } from '@lazu/core'
import { integer, list, text } from './answer.js'
import { usageScript } from './scripts/step-scripts.js'
import type { Steps } from './steps.js'

/** Adds up what was spent. The query has been checked. */
export async function usageSums(steps: Steps, query: UsageQuery): Promise<UsageSum[]> {
  const { account: onlyAccount, key: onlyKey }: { account?: string; key?: string } = query
  const accounts = onlyKey === undefined ? [onlyAccount ?? ''] : await steps.accountsOf(onlyKey)
  const sums = new Map<string, UsageSum>()
  for (const account of accounts) {
    const toDay = dayOfDate('to', query.to)
    let fromDay = dayOfDate('from', query.from)
    while (fromDay <= toDay) {
      const args = [String(fromDay), String(toDay)]
      const { rest } = await steps.run({ script: usageScript, account, args })
      const days = list(rest[0])
      for (let index = 0; index < days.length; index += 2) {
        const day = integer(days[index])
        addDay(sums, query.by, onlyKey, day, list(days[index + 1]))
        fromDay = day + 1
      }
      if (days.length === 0) break
    }
  }
  return [...sums.values()].toSorted((one, other) =>
    Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
  )
}

function addDay(
  sums: Map<string, UsageSum>,
  by: UsageQuery['by'],
  onlyKey: string | undefined,
  day: number,
  fields: readonly unknown[],
): void {
  for (let index = 0; index < fields.length; index += 2) {
    const { key, model } = readField(text(fields[index]))
    if (onlyKey !== undefined && key !== onlyKey) continue
    const name = by === 'day' ? dateOfDay(day) : by === 'key' ? key : model
    const earlier = sums.get(name)
    const [requests = 0, amount = 0, inputTokens = 0, outputTokens = 0] = text(fields[index + 1])
      .split(' ')
      .map(Number)
    sums.set(name, {
      name,
      requests: (earlier?.requests ?? 0) + requests,
      amount: (earlier?.amount ?? 0) + amount,
      inputTokens: (earlier?.inputTokens ?? 0) + inputTokens,
      outputTokens: (earlier?.outputTokens ?? 0) + outputTokens,
    })
  }
}

/** A field's name is the length of the key in bytes, a colon, the key and the model. */
function readField(field: string): { key: string; model: string } {
  const bytes = Buffer.from(field)
  const colon = bytes.indexOf(':')
  const end = colon + 1 + Number(bytes.toString('utf8', 0, colon))
  return { key: bytes.toString('utf8', colon + 1, end), model: bytes.toString('utf8', end) }
}
