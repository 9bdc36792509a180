import { spendingLua, stepLua } from './account-lua.js'
import { script } from './script.js'

/** Ends a reservation without a charge. ARGV from 10: id. */
export const releaseScript = script(
  stepLua,
  `
local r = reservation(ARGV[10])
if not r then return answer('none') end
if r.ended then return answer('ended', r.ended, r.charged) end
finish(ARGV[10], r, 'released', wallMs, 0, '', '')
save()
return answer('ended', 'released', '0')
`,
)

/**
 * Moves the end of an open reservation. KEYS[2] as in the script that reserves. ARGV from 10: id,
 * ttlMs, the pointer's value and its ttlMs.
 */
export const extendScript = script(
  stepLua,
  `
if not redis.call('ZSCORE', A .. ':open', ARGV[10]) then return answer('none') end
redis.call('ZADD', A .. ':open', int(nowMs + tonumber(ARGV[11])), ARGV[10])
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[12], 'PX', ARGV[13]) end
return answer('ok')
`,
)

/**
 * Adds to an account. ARGV from 10: amount, reference, and what a durable ledger has granted by now,
 * empty where there is none. An account that was loaded from the durable ledger does not know the
 * references of before: it takes the sum.
 */
export const creditScript = script(
  stepLua,
  `
local amount, reference, durable = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12])
if not generation and not wasAsked then return answer('missing') end
if redis.call('HEXISTS', A .. ':refs', reference) == 1 then return answer('ok') end
local sum = granted + amount
if restored and durable then sum = math.max(granted, durable) end
if sum > MOST then return answer('range') end
if not generation and not isIndexed then return answer('index') end
granted = sum
save()
redis.call('HSET', A .. ':refs', reference, int(amount))
journal('grant', wallMs, reference, '', '', amount, '', '')
return answer('ok')
`,
)

/** Makes an account that has nothing. */
export const openScript = script(
  stepLua,
  `
if generation then return answer('old') end
if not wasAsked then return answer('missing') end
if not isIndexed then return answer('index') end
save()
return answer('new')
`,
)

/** Only what stands at the beginning of every answer. */
export const balanceScript = script(
  stepLua,
  `
if not generation and not wasAsked then return answer('missing') end
return answer('ok')
`,
)

/** What happened to a reservation. ARGV from 10: id. */
export const movementsScript = script(
  stepLua,
  `
return answer('ok', redis.call('HMGET', A .. ':r:' .. ARGV[10], 'key', 'model', 'amount', 'at',
  'ended', 'ended_at', 'charged', 'input', 'output'))
`,
)

/** What a key spent and holds in an account. ARGV from 10: key. */
export const spendingScript = script(
  stepLua,
  spendingLua,
  `
local k = spendingOf(ARGV[10])
return answer('ok', int(k.spent), int(k.held), int(k.daySpent), int(k.monthSpent))
`,
)

/**
 * What was spent, a month of days at most. ARGV from 10: the first and the last day, since 1970.
 * Answers with pairs of a day and its fields.
 */
export const usageScript = script(
  stepLua,
  `
local days = redis.call('ZRANGEBYSCORE', A .. ':days', ARGV[10], ARGV[11], 'LIMIT', 0, 31)
local found = {}
for _, day in ipairs(days) do
  local fields = redis.call('HGETALL', A .. ':u:' .. day)
  if #fields == 0 then redis.call('ZREM', A .. ':days', day) end
  found[#found + 1] = day
  found[#found + 1] = fields
end
return answer('ok', found)
`,
)

/** Notes that other accounts pay for a key as well. ARGV from 10: key, then their names. */
export const linkScript = script(
  `
redis.call('HSET', KEYS[1] .. ':k:' .. ARGV[1], 'linked', '1')
for i = 2, #ARGV do redis.call('SADD', KEYS[1] .. ':o:' .. ARGV[1], ARGV[i]) end
return 'OK'
`,
)
