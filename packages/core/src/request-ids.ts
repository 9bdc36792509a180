import { randomBytes } from 'node:crypto'
import type { Dialect } from './dialects/dialect.js'
import { ulid } from './lib/ulid.js'

/** A new request id as the dialect writes them. */
export function newRequestId({ requestId }: Dialect, wallMs: number): string {
  switch (requestId.form) {
    case 'ulid':
      return requestId.prefix + ulid(wallMs)
    case 'alphanumeric-24':
      return requestId.prefix + alphanumeric24()
  }
}

/** 24 characters of a-z and 0-9, more than 120 random bits of them. */
function alphanumeric24(): string {
  let id = ''
  while (id.length < 24) {
    for (const byte of randomBytes(32)) {
      // 252 is the largest multiple of 36 in a byte; what lies above would favour some characters.
      if (byte < 252 && id.length < 24) id += (byte % 36).toString(36)
    }
  }
  return id
}
