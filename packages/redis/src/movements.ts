import type { ChargedTokens, Movement } from '@lazu/core'
import { integer, text } from './answer.js'

/** Reads what became of a reservation from the fields it is kept in. */
export function movementsIn(id: string, account: string, fields: readonly unknown[]): Movement[] {
  const [key, model, amount, at, ended, endedAt, charged, input, output] = fields
  if (key === null || key === undefined) return []
  const common = { id, account, key: text(key), model: modelIn(model) }
  const held = integer(amount)
  const movements: Movement[] = [{ kind: 'reserve', atMs: integer(at), ...common, amount: held }]
  if (ended === null || ended === undefined) return movements
  const kind = kindIn(ended)
  movements.push({
    kind,
    atMs: integer(endedAt),
    ...common,
    amount: kind === 'settled' ? integer(charged) : held,
    tokens: tokensIn(input, output),
  })
  return movements
}

/** Reads the kind of a movement. */
export function kindIn(value: unknown): Movement['kind'] {
  const kind = text(value)
  switch (kind) {
    case 'grant':
    case 'reserve':
    case 'settled':
    case 'released':
    case 'expired':
      return kind
    default:
      throw new TypeError('Redis answered with a movement of no known kind')
  }
}

/** Writes a model so that none is not taken for one without a name. */
export function modelText(model: string | undefined): string {
  return model === undefined ? '' : `m${model}`
}

/** Reads a model. */
export function modelIn(value: unknown): string | undefined {
  const model = text(value)
  return model === '' ? undefined : model.slice(1)
}

/** Reads the tokens of a charge. */
export function tokensIn(input: unknown, output: unknown): ChargedTokens | undefined {
  if (text(input) === '' || text(output) === '') return undefined
  return { inputTokens: integer(input), outputTokens: integer(output) }
}
