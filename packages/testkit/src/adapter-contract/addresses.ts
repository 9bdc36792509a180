import type { GatewayOptions } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Harness, RunningApp } from '../harness.js'
import { ask, expectError } from './client.js'
import { serve, World } from './world.js'

const spoofed = '10.0.0.1'

/** Who may come in by address. The tests themselves come from 127.0.0.1. */
export function describeAddresses(harness: Harness): void {
  async function start(world: World, options: GatewayOptions): Promise<RunningApp> {
    return serve(harness, {
      gateway: world.gateway(options),
      routes: { 'GET /ok': () => ({ ok: true }) },
    })
  }

  describe('the IP allowlist', () => {
    it('lets in who is on it and refuses everybody else', async () => {
      const world = new World()
      const key = await world.key()
      const inside = await start(world, { allow: ['192.0.2.0/24', '127.0.0.0/8'] })
      expect((await ask(inside, 'GET /ok', { key })).status).toBe(200)
      const outside = await start(world, { allow: ['192.0.2.0/24', '::1'] })
      const error = expectError(await ask(outside, 'GET /ok', { key }), 403, 'ip_not_allowed')
      expect(error.type).toBe('permission_error')
      expect(world.happened.refused).toMatchObject([
        { condition: 'ip_not_allowed', clientAddress: '127.0.0.1' },
      ])
    })

    it("goes by the key's own list, too", async () => {
      const world = new World()
      const server = await start(world, {})
      const inside = await world.key({ allow: ['127.0.0.1'] })
      const outside = await world.key({ allow: ['10.0.0.0/8'] })
      expect((await ask(server, 'GET /ok', { key: inside })).status).toBe(200)
      expectError(await ask(server, 'GET /ok', { key: outside }), 403, 'ip_not_allowed')
    })

    it('is looked at only behind a good key, so that it says nothing about keys', async () => {
      const world = new World()
      const server = await start(world, { allow: ['10.0.0.0/8'] })
      const key = await world.key()
      expectError(await ask(server, 'GET /ok', { key: `${key}x` }), 401, 'invalid_api_key')
    })

    it.each([
      ['X-Forwarded-For', { 'x-forwarded-for': spoofed }],
      ['several addresses', { 'x-forwarded-for': `${spoofed}, ${spoofed}` }],
      ['Forwarded', { forwarded: `for=${spoofed}` }],
      ['X-Real-IP', { 'x-real-ip': spoofed }],
      ['True-Client-IP', { 'true-client-ip': spoofed }],
    ])('believes no stranger: %s', async (_, headers) => {
      const world = new World()
      const key = await world.key()
      const strict = await start(world, { allow: ['10.0.0.0/8'] })
      expectError(await ask(strict, 'GET /ok', { key, headers }), 403, 'ip_not_allowed')
      const local = await start(world, { allow: ['127.0.0.1'] })
      expect((await ask(local, 'GET /ok', { key, headers })).status).toBe(200)
    })

    it.each<[string, GatewayOptions['trustProxies'], string, number]>([
      ['one hop', 1, spoofed, 200],
      ['one hop, and what the client wrote itself', 1, `${spoofed}, 203.0.113.9`, 403],
      ['two hops', 2, `${spoofed}, 203.0.113.9`, 200],
      ['its network', ['127.0.0.0/8'], spoofed, 200],
      ['its network, mapped', ['127.0.0.0/8'], `::ffff:${spoofed}`, 200],
      ['its network, with a port', ['127.0.0.0/8'], `${spoofed}:1234`, 200],
      ['its network, and what the client wrote', ['127.0.0.0/8'], `${spoofed}, 203.0.113.9`, 403],
      ['another network', ['192.0.2.0/24'], spoofed, 403],
      ['its network, which says nonsense', ['127.0.0.0/8'], '<script>', 403],
      ['its network, which says nothing', ['127.0.0.0/8'], ' ', 403],
      ['its network, with an octal number', ['127.0.0.0/8'], '012.0.0.1', 403],
    ])('believes a proxy that is trusted by %s', async (_, trustProxies, forwarded, status) => {
      const world = new World()
      const key = await world.key()
      const server = await start(world, { allow: ['10.0.0.0/8'], trustProxies })
      const headers = { 'x-forwarded-for': forwarded }
      expect((await ask(server, 'GET /ok', { key, headers })).status).toBe(status)
    })

    it('works as lazuIpAllowlist alone', async () => {
      const options = { allow: ['10.0.0.0/8'], trustProxies: 1 }
      const server = await serve(harness, {
        guards: { before: [{ name: 'lazuIpAllowlist', options }] },
        routes: { 'GET /ok': () => ({ ok: true }) },
      })
      expectError(await ask(server, 'GET /ok'), 403, 'ip_not_allowed')
      const headers = { 'x-forwarded-for': spoofed }
      expect((await ask(server, 'GET /ok', { headers })).status).toBe(200)
    })
  })
}
