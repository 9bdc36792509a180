import { MemoryLedger, usd } from '@lazu/core'
import { inTurn, type Group } from './group.js'

/** Money is held and charged. */
export function ledgerGroup(): Group {
  const ledger = new MemoryLedger()
  const balances = new Map<string, { available: number }>()
  const account = inTurn((index) => `account-${index}`)
  for (let index = 0; index < 1024; index++) {
    ledger.credit(`account-${index}`, usd(1_000_000), 'bench')
    balances.set(`account-${index}`, { available: usd(1_000_000) })
  }
  const held = new Map<string, { balance: { available: number }; amount: number }>()
  let number = 0
  return {
    title: 'a reservation is made and settled',
    limitNs: 1_000,
    contenders: [
      {
        name: 'MemoryLedger',
        role: 'lazu',
        call: () => {
          const id = `req_lazu_${number++}`
          const name = account()
          ledger.reserve({ id, account: name, key: name, amount: 100, ttlMs: 60_000 })
          return ledger.settle(id, 50)
        },
      },
      {
        name: 'two Maps',
        role: 'minimum',
        call: () => {
          const id = `req_lazu_${number++}`
          const balance = balances.get(account())
          if (balance === undefined || balance.available < 100) return false
          balance.available -= 100
          held.set(id, { balance, amount: 100 })
          const reservation = held.get(id)
          if (reservation === undefined) return false
          reservation.balance.available += reservation.amount - 50
          return held.delete(id)
        },
      },
    ],
  }
}
