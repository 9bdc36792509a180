// SQLite's primary result codes: https://www.sqlite.org/rescode.html
const busy = 5
const locked = 6
const constraint = 19
const other = 1

/** What an error means, and what is to be done about it. */
export interface Meaning {
  /** The end of a sentence about the file. */
  readonly problem: string
  /** A sentence. */
  readonly mend: string
}

const meanings: Readonly<Record<number, Meaning>> = {
  [busy]: {
    problem: 'is locked by another process',
    mend: 'End whatever holds it, a backup or a shell with an open transaction for instance.',
  },
  [locked]: {
    problem: 'is locked by another statement',
    mend: 'End the statement that reads from it.',
  },
  8: {
    problem: 'cannot be written to',
    mend: 'Let this user write to the file and to its folder, where its journal stands, too.',
  },
  10: { problem: 'cannot be read or written', mend: 'Look after the disk, and its free space.' },
  11: { problem: 'is damaged', mend: 'Restore a backup.' },
  13: { problem: 'has no room on its disk', mend: 'Make room on the disk.' },
  14: {
    problem: 'cannot be opened',
    mend: 'Make its folder if there is none, and let this user read and write in it.',
  },
  26: {
    problem: 'is no SQLite database',
    mend: 'Name another file, or one that does not exist yet.',
  },
}

const codesByName: Readonly<Record<string, number>> = {
  SQLITE_BUSY: busy,
  SQLITE_LOCKED: locked,
  SQLITE_READONLY: 8,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_CONSTRAINT: constraint,
  SQLITE_NOTADB: 26,
}

/** Whether another connection has the lock that was wanted. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === busy || code === locked
}

/** Whether a row was refused for what it holds. */
export function isConstraint(error: unknown): boolean {
  return resultCode(error) === constraint
}

/** What SQLite's error means; undefined when it is no error of SQLite. */
export function meaningOf(error: unknown): Meaning | undefined {
  const code = resultCode(error)
  if (code === undefined) return undefined
  const message = error instanceof Error ? error.message : ''
  return (
    meanings[code] ?? {
      problem: `cannot be used: ${message}`,
      mend: `This is SQLite's error ${code}.`,
    }
  )
}

/** The primary result code in an error of libsql, better-sqlite3 or node:sqlite. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  for (const name of ['rawCode', 'errcode']) {
    const code: unknown = Reflect.get(error, name)
    // The upper bytes of an extended code say more than anybody here asks.
    if (typeof code === 'number') return code & 0xff
  }
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string') {
    const [, name] = /^(SQLITE_[A-Z]+)/.exec(code) ?? []
    if (name !== undefined) return codesByName[name] ?? other
  }
  // libsql tells of a file it cannot open in words only.
  const [, opening] = /^ConnectionFailed\(.*: (\d+)"\)$/s.exec(error.message) ?? []
  return opening === undefined ? undefined : Number(opening) & 0xff
}
