import { randomUUID } from 'node:crypto'
import { ulid } from '@lazu/core'
import { monotonicFactory, ulid as packagedUlid } from 'ulid'
import type { Group } from './group.js'

/** A request gets an id. */
export function requestIdGroup(): Group {
  const monotonic = monotonicFactory()
  return {
    title: 'a request id',
    limitNs: 150,
    contenders: [
      { name: 'ulid() of @lazu/core', role: 'lazu', call: () => `req_lazu_${ulid(Date.now())}` },
      {
        name: 'node:crypto, randomUUID()',
        role: 'minimum',
        call: () => `req_${randomUUID()}`,
      },
      { name: 'ulid, ulid()', role: 'package', call: () => `req_${packagedUlid()}` },
      { name: 'ulid, monotonicFactory()', role: 'package', call: () => `req_${monotonic()}` },
    ],
  }
}
