import {
  ConfigurationError,
  createKeys,
  lazu,
  lazuAuth,
  lazuErrors,
  lazuIpAllowlist,
  lazuModel,
  lazuNotFound,
  lazuQuota,
  lazuRateLimit,
  lazuRequestId,
  lazuTimeout,
  lazuValidate,
  MemoryLedger,
  usd,
} from '@lazu/express'
import { describe, expect, it } from 'vitest'
import { fastifyHarness } from '../packages/fastify/test/harness.js'
import { koaHarness } from '../packages/koa/test/harness.js'

const keys = createKeys()
const ledger = new MemoryLedger()
const prices = { 'gpt-5': { input: usd(1), output: usd(2) } }

/** Options as somebody without a type checker may write them. */
function build(make: (options: never) => unknown, options: unknown): ConfigurationError {
  try {
    Reflect.apply(make, undefined, [options])
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('the options were accepted')
}

describe('a mistake in the options of lazu() stops the start and says where it is', () => {
  it.each<[string, unknown, string, string]>([
    ['an unknown option', { rpm: 60 }, 'LAZU_CONFIG_UNKNOWN_OPTION', 'lazu().rpm'],
    [
      'an unknown option of a rule',
      { limits: { rpm: 60, rps: 1 } },
      'LAZU_CONFIG_UNKNOWN_OPTION',
      'lazu().limits.rps',
    ],
    [
      'an unknown option of a rule in a list',
      { limits: [{ rpm: 60 }, { rpm: 1, per: 'key' }] },
      'LAZU_CONFIG_UNKNOWN_OPTION',
      'lazu().limits[1].per',
    ],
    ['keys that are none', { keys: ['k'] }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().keys'],
    ['a limit of 0', { limits: { rpm: 0 } }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().limits.rpm'],
    [
      'a limit that is text',
      { limits: [{ rpm: '60' }] },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().limits[0].rpm',
    ],
    ['a rule of nothing', { limits: {} }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().limits'],
    [
      'a burst without a limit',
      { limits: { tpm: 5, burst: 2 } },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().limits',
    ],
    [
      'a mode that is none',
      { limits: { rpm: 5, mode: 'dry' } },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().limits.mode',
    ],
    ['prices without a ledger', { keys, prices }, 'LAZU_CONFIG_MISSING_OPTION', 'lazu().ledger'],
    ['a ledger without prices', { keys, ledger }, 'LAZU_CONFIG_MISSING_OPTION', 'lazu().prices'],
    ['a ledger without keys', { ledger, prices }, 'LAZU_CONFIG_MISSING_OPTION', 'lazu().keys'],
    [
      'a price with a fraction of a micro-dollar',
      { keys, ledger, prices: { m: { input: 0.5, output: 1 } } },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().prices.m.input',
    ],
    [
      'a price without its output',
      { keys, ledger, prices: { m: { input: 1 } } },
      'LAZU_CONFIG_MISSING_OPTION',
      'lazu().prices.m.output',
    ],
    [
      'a timeout of nonsense',
      { timeout: '2 min' },
      'LAZU_CONFIG_INVALID_DURATION',
      'lazu().timeout',
    ],
    [
      'an endless timeout',
      { timeout: { total: Infinity } },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().timeout.total',
    ],
    [
      'a timeout beyond what a timer can wait',
      { timeout: { idle: '999h' } },
      'LAZU_CONFIG_INVALID_DURATION',
      'lazu().timeout.idle',
    ],
    ['no timeout in it', { timeout: {} }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().timeout'],
    ['an empty allowlist', { allow: [] }, 'LAZU_CONFIG_INVALID_NETWORK', 'lazu().allow'],
    [
      'a network with a bad prefix',
      { allow: ['10.0.0.0/8', '10.0.0.0/33'] },
      'LAZU_CONFIG_INVALID_NETWORK',
      'lazu().allow[1]',
    ],
    [
      'a network with host bits',
      { allow: ['10.0.0.1/8'] },
      'LAZU_CONFIG_INVALID_NETWORK',
      'lazu().allow[0]',
    ],
    [
      'a mapped /8, which is everybody',
      { allow: ['::ffff:10.0.0.0/8'] },
      'LAZU_CONFIG_DANGEROUS',
      'lazu().allow[0]',
    ],
    ['everybody, unsaid', { allow: ['0.0.0.0/0'] }, 'LAZU_CONFIG_DANGEROUS', 'lazu().allow[0]'],
    [
      'every proxy trusted',
      { trustProxies: ['0.0.0.0/0'] },
      'LAZU_CONFIG_DANGEROUS',
      'lazu().trustProxies[0]',
    ],
    ['proxies: true', { trustProxies: true }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().trustProxies'],
    ['no models', { models: [] }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().models'],
    [
      'a schema that is none',
      { validate: { 'POST /v1/chat': {} } },
      'LAZU_CONFIG_INVALID_OPTION',
      'lazu().validate["POST /v1/chat"]',
    ],
    ['a logger that is none', { logger: {} }, 'LAZU_CONFIG_INVALID_OPTION', 'lazu().logger'],
    ['no options at all', undefined, 'LAZU_CONFIG_INVALID_OPTION', 'lazu()'],
  ])('%s', (_, options, code, path) => {
    const error = build(lazu, options)
    expect(error).toMatchObject({ code, path })
    // The code, the place, what is there, and a sentence that says what would be right.
    expect(error.message).toMatch(new RegExp(`^${code}: .+\\. .+\\.$`, 's'))
    expect(error.message).toContain(path)
  })
})

describe('a guard alone checks its options as well', () => {
  it.each<[string, (options: never) => unknown, unknown, string]>([
    ['lazuAuth', lazuAuth, {}, 'lazuAuth().keys'],
    ['lazuAuth', lazuAuth, { keys, secret: 1 }, 'lazuAuth().secret'],
    ['lazuIpAllowlist', lazuIpAllowlist, { allow: ['*'] }, 'lazuIpAllowlist().allow[0]'],
    ['lazuRateLimit', lazuRateLimit, { limits: { rpm: 1.5 } }, 'lazuRateLimit().limits.rpm'],
    ['lazuModel', lazuModel, { model: 'm' }, 'lazuModel().model'],
    ['lazuValidate', lazuValidate, {}, 'lazuValidate().validate'],
    ['lazuQuota', lazuQuota, { ledger }, 'lazuQuota().prices'],
    ['lazuTimeout', lazuTimeout, { timeout: '-1s' }, 'lazuTimeout().timeout'],
    ['lazuRequestId', lazuRequestId, { header: 'x-id' }, 'lazuRequestId().header'],
    ['lazuErrors', lazuErrors, { stack: true }, 'lazuErrors().stack'],
    ['lazuNotFound', lazuNotFound, { page: '404.html' }, 'lazuNotFound().page'],
  ])('%s', (_, make, options, path) => {
    expect(build(make, options)).toMatchObject({ path })
  })
})

it.each([koaHarness, fastifyHarness])('stops the start on $name too', async (harness) => {
  const started = harness.start({ gateway: { limits: { rpm: -1 } }, routes: {} })
  await expect(started).rejects.toMatchObject({ path: 'lazu().limits.rpm' })
})

it('never shows a pepper', () => {
  expect(build(createKeys, { peppers: ['too short'] }).message).not.toContain('too short')
})
