import { GatewayError, MemoryKeyStore, MemoryLedger } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import { errorOf, gateway } from './command.js'

describe('a store that fails', () => {
  it('is said to be what cannot be read, and why', async () => {
    const store = new MemoryKeyStore()
    vi.spyOn(store, 'list').mockImplementation(() => {
      throw new GatewayError('store_read_failed', { cause: new Error('database is locked') })
    })
    const { lazu } = await gateway({ store })
    const { code, stderr } = await lazu(['keys', 'list'])
    expect(code).toBe(3)
    expect(stderr).toBe(
      'error: The store cannot be read: database is locked. ' +
        'See that it runs, and that this user may use it; then try again.\n',
    )
  })

  it('is said to be what cannot be written, with its own words', async () => {
    const ledger = new MemoryLedger()
    vi.spyOn(ledger, 'createAccount').mockImplementation(() => {
      throw new GatewayError('store_write_failed', { message: 'The server is a replica.' })
    })
    const { lazu } = await gateway({ config: { gateway: { ledger } } })
    const ran = await lazu(['accounts', 'create', 'acme', '--json'])
    expect(ran.code).toBe(3)
    const { code, message } = errorOf(ran)
    expect(code).toBe('store')
    expect(message).toMatch(/^The store cannot be written: The server is a replica\. See that /)
    expect(message).not.toContain('Internal server error')
  })
})
