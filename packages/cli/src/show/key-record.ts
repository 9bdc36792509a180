import { formatUsd, type ApiKey, type KeyCaps } from '@lazu/core'
import { moneyJson } from './money.js'
import { showMoment } from './moment.js'

/** A key's record for programs: named member by member, so that no digest ever comes with it. */
export function keyJson(key: ApiKey): Record<string, unknown> {
  return {
    id: key.id,
    account: key.account,
    name: key.name,
    shown: key.shown,
    status: key.status,
    expiresAtMs: key.expiresAtMs,
    models: key.models,
    allow: key.allow,
    tier: key.tier,
    limits: key.limits,
    caps: key.caps === undefined ? undefined : capsJson(key.caps),
    lane: key.lane,
    metadata: key.metadata,
    createdAtMs: key.createdAtMs,
    revision: key.revision,
    rotation: key.rotation === undefined ? undefined : { untilMs: key.rotation.untilMs },
  }
}

/** A key's record for people, as labelled lines; what is not set has none. */
export function keyFacts(key: ApiKey): [label: string, value: string][] {
  const facts: [string, string | undefined][] = [
    ['id', key.id],
    ['account', key.account],
    ['name', key.name],
    ['key', key.shown],
    ['status', keyStatus(key)],
    ['created', showMoment(key.createdAtMs)],
    ['expires', key.expiresAtMs === undefined ? undefined : showMoment(key.expiresAtMs)],
    ['rotation', rotationText(key)],
    ['models', key.models?.join(', ')],
    ['allowed from', key.allow?.join(', ')],
    ['tier', key.tier],
    ['requests/min', key.limits?.rpm?.toString()],
    ['tokens/min', key.limits?.tpm?.toString()],
    ['at once', key.limits?.concurrency?.toString()],
    ['cap, total', capText(key.caps?.total)],
    ['cap, day', capText(key.caps?.day)],
    ['cap, month', capText(key.caps?.month)],
    ['lane', key.lane],
    ...Object.entries(key.metadata ?? {}).map(([name, value]): [string, string] => [
      `metadata ${name}`,
      value,
    ]),
  ]
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value]]))
}

/** Whether a key can be used: its status, or `expired` when that is all that is against it. */
export function keyStatus(key: ApiKey): string {
  const isOver = key.expiresAtMs !== undefined && key.expiresAtMs <= Date.now()
  return key.status === 'active' && isOver ? 'expired' : key.status
}

/** Until when the old key works, as a sentence's beginning; undefined when there is none. */
export function rotationText(key: ApiKey): string | undefined {
  if (key.rotation === undefined) return undefined
  const { untilMs } = key.rotation
  const verb = untilMs > Date.now() ? 'works' : 'worked'
  return `old key ${verb} until ${showMoment(untilMs)}`
}

function capText(micros: number | undefined): string | undefined {
  return micros === undefined ? undefined : formatUsd(micros)
}

function capsJson(caps: KeyCaps): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(caps).flatMap(([name, micros]: [string, number | undefined]) =>
      micros === undefined ? [] : [[name, moneyJson(micros)]],
    ),
  )
}
