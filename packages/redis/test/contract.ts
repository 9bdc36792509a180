import { redisLedger, type AnyRedisClient } from '@lazu/redis'
import { runLedgerContract, runLedgerNamesContract } from '@lazu/testkit'

let prefixes = 0

/** Holds the ledger to its contract; each ledger has a prefix of its own. */
export function runContract(name: string, client: () => AnyRedisClient): void {
  let prefix = ''
  runLedgerNamesContract(name, (clock) =>
    redisLedger(client(), { prefix: `test ${prefixes++}`, clock }),
  )
  runLedgerContract(
    name,
    (clock) => {
      prefix = `test ${prefixes++}`
      return redisLedger(client(), { prefix, clock, journal: true })
    },
    {
      reopen: (_ledger, clock) => redisLedger(client(), { prefix, clock, journal: true }),
      stories: 25,
    },
  )
}
