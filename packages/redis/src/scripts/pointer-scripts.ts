import { script } from './script.js'

/** Stands for a token when several callers claimed an id for one account: none of them takes it back. */
export const sharedToken = '*'.repeat(26)

/**
 * Claims an id for an account, on a cluster. ARGV: account, token, ttlMs. The account that has it,
 * when it is another one.
 */
export const claimScript = script(
  `
local pointer = redis.call('GET', KEYS[1])
local token = ARGV[2]
if pointer then
  if string.sub(pointer, 27) ~= ARGV[1] then return 'other' end
  token = '${sharedToken}'
end
local ttlMs = math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], token .. ARGV[1], 'PX', string.format('%.0f', ttlMs))
return 'claimed'
`,
)

/** Takes a claim back that came to nothing. ARGV: account, token. */
export const unclaimScript = script(
  `
if redis.call('GET', KEYS[1]) == ARGV[2] .. ARGV[1] then redis.call('DEL', KEYS[1]) end
return 'OK'
`,
)
