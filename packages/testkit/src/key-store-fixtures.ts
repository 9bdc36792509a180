import type { ApiKey } from '@lazu/core'
import { createHash } from 'node:crypto'

/** 1 to count. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** A digest as a store is given one. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A key with nothing but what it must have; keys sort by their number. */
export function makeKey(n: number): ApiKey {
  return {
    id: `key_01JH${String(n).padStart(22, '0')}`,
    account: 'acme',
    name: `key ${n}`,
    shown: 'sk-lazu-…abcd',
    status: 'active',
    createdAtMs: Date.UTC(2026, 0, 15) + n,
    revision: 1,
    digest: digestOf(`secret ${n}`),
  }
}

/** A key with every field, and what a store may stumble over in each. */
export const fullKey: ApiKey = {
  ...makeKey(500),
  account: `O'Brien & "Söhne" %_\\ 株式会社 🔑`,
  name: 'x'.repeat(200),
  status: 'disabled',
  expiresAtMs: Date.UTC(2100, 0, 1) + 1,
  models: ['gpt-5', "o'model", '%'],
  allow: ['10.0.0.0/8', '2001:db8::/32'],
  tier: 'tier 1',
  limits: { rpm: 1, tpm: Number.MAX_SAFE_INTEGER, concurrency: 2 },
  caps: { total: Number.MAX_SAFE_INTEGER, day: 1, month: 30 },
  lane: 'cheap',
  metadata: { owner: 'Ada', constructor: 'a name like any other', '': 'empty' },
  rotation: { digest: digestOf('full, before'), untilMs: Date.UTC(2026, 1, 1) },
  revision: 7,
}

/** Changes what can be changed in a value, through and through; frozen parts stay. */
export function deface(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    deface(member)
    Reflect.set(value, name, 'defaced')
  }
}
