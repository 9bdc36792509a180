import { spendingLua, stepLua } from './account-lua.js'
import { script } from './script.js'

/**
 * Ends a reservation with a charge. ARGV from 10: id, amount, input and output tokens (empty when
 * they are not known); then what the caller itself reserved under this id, which is charged when
 * the server has forgotten it: generation, key, model. The last of the answer is whether it was so.
 */
export const settleScript = script(
  stepLua,
  spendingLua,
  `
local id, amount, input, output = ARGV[10], tonumber(ARGV[11]), ARGV[12], ARGV[13]
local r = reservation(id)
local isLost = not r and ARGV[14] ~= '' and generation ~= ARGV[14]
if isLost then r = { key = ARGV[15], model = ARGV[16], amount = '0' } end
if not r then return answer('none') end
if r.ended then return answer('ended', r.ended, r.charged) end

if settled + amount > MOST then return answer('range', 'charged') end
local k = spendingOf(r.key)
if k.linked and ARGV[9] == '' then
  return answer('elsewhere', r.key, redis.call('SMEMBERS', A .. ':o:' .. r.key))
end
if k.spent + elsewhere().spent + amount > MOST then return answer('range', 'spent') end

settled = settled + amount
if isLost then
  redis.call('HSET', A .. ':r:' .. id, 'key', r.key, 'model', r.model, 'amount', '0', 'at', int(wallMs))
end
finish(id, r, 'settled', wallMs, amount, input, output)
save()
redis.call('HSET', A .. ':k:' .. r.key, 'spent', int(k.spent + amount),
  'day', int(k.day), 'day_spent', int(k.daySpent + amount),
  'month', int(k.month), 'month_spent', int(k.monthSpent + amount))

-- One field a key and model: how many, amount, input tokens, output tokens.
local U = A .. ':u:' .. int(day)
local field = #r.key .. ':' .. r.key .. string.sub(r.model, 2)
local earlier = redis.call('HGET', U, field)
local requests, charged, inputs, outputs = string.match(earlier or '0 0 0 0', '^(%d+) (%d+) (%d+) (%d+)$')
redis.call('HSET', U, field, int(requests + 1) .. ' ' .. int(charged + amount) .. ' ' ..
  int(inputs + (tonumber(input) or 0)) .. ' ' .. int(outputs + (tonumber(output) or 0)))
if not earlier then
  redis.call('PEXPIRE', U, int(400 * DAY))
  redis.call('ZADD', A .. ':days', int(day), int(day))
end
return answer('ended', 'settled', int(amount), isLost and '1' or '')
`,
)
