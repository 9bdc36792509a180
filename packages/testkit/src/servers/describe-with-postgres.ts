import { afterAll, beforeAll, describe } from 'vitest'
import { findPostgres } from './postgres-binaries.js'
import { startPostgres, type RunningPostgres } from './postgres.js'

/**
 * Describes what needs a PostgreSQL server: one is started before its tests, and ended after them.
 * Where PostgreSQL is not installed, the tests are left out with a warning; where `CI` is set, they
 * fail.
 *
 * @param describeTests gets a function that gives the server, once the tests run
 */
export function describeWithPostgres(
  name: string,
  describeTests: (server: () => RunningPostgres) => void,
): void {
  const isLeftOut = findPostgres() === undefined && process.env['CI'] === undefined
  if (isLeftOut) {
    process.emitWarning(`NOT TESTED, because PostgreSQL is not installed: ${name}`)
  }
  describe.skipIf(isLeftOut)(`${name}, on PostgreSQL`, () => {
    let server: RunningPostgres | undefined

    beforeAll(async () => {
      server = await startPostgres()
    }, 60_000)

    afterAll(async () => {
      await server?.stop()
    }, 30_000)

    describeTests(() => {
      if (server === undefined) throw new Error('the server runs only while the tests do')
      return server
    })
  })
}
