import { spendingLua, stepLua } from './account-lua.js'
import { script } from './script.js'

/**
 * Holds an amount. KEYS[2], where one server has everything, is the pointer from the id to the
 * account; on a cluster it was written before. ARGV from 10: id, key, amount, ttlMs, model with an m
 * before it, the caps (total, month, day), the account's name, the pointer's token and its ttlMs.
 */
export const reserveScript = script(
  stepLua,
  spendingLua,
  `
local id, key, amount, ttlMs, model = ARGV[10], ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]
local caps = { tonumber(ARGV[15]), tonumber(ARGV[16]), tonumber(ARGV[17]) }
if KEYS[2] then
  local pointer = redis.call('GET', KEYS[2])
  if pointer and string.sub(pointer, 27) ~= ARGV[18] then return answer('conflict') end
end
local earlier = reservation(id)
if earlier then
  if earlier.key ~= key or earlier.ended then return answer('conflict') end
  return answer('held', earlier.amount)
end

local available = granted - settled - held
if not generation and not wasAsked then return answer('missing') end
if amount > available then return answer('insufficient') end

local k = spendingOf(key)
if not isIndexed and (not generation or not k.known) then return answer('index') end
if caps[1] or caps[2] or caps[3] then
  if k.linked and ARGV[9] == '' then
    return answer('elsewhere', key, redis.call('SMEMBERS', A .. ':o:' .. key))
  end
  local others = elsewhere()
  local heldByKey = k.held + others.held
  local names = { 'total', 'monthly', 'daily' }
  local spent = { k.spent + others.spent, k.monthSpent + others.month, k.daySpent + others.day }
  for i = 1, 3 do
    if caps[i] and amount > caps[i] - spent[i] - heldByKey then
      return answer('cap', names[i], int(caps[i] - spent[i] - heldByKey))
    end
  end
end

held = held + amount
save()
redis.call('HINCRBY', A .. ':k:' .. key, 'held', int(amount))
redis.call('HSET', A .. ':r:' .. id, 'key', key, 'model', model, 'amount', int(amount), 'at', int(wallMs))
redis.call('ZADD', A .. ':open', int(nowMs + ttlMs), id)
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[19] .. ARGV[18], 'PX', ARGV[20]) end
journal('reserve', wallMs, id, key, model, amount, '', '')
return answer('held', int(amount))
`,
)
