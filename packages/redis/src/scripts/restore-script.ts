import { accountLua } from './account-lua.js'
import { script } from './script.js'

/**
 * Loads an account again that the server has forgotten. ARGV from 10: granted and settled of before
 * the loss, as far as the caller knows them; granted and settled as they are kept elsewhere.
 *
 * Several callers may know different much of what was: the account is raised to the most any of them
 * knows of before, beside what happened to it since. What is kept in a durable ledger may have some of
 * that since in it, so it is only what the account has at least.
 */
export const restoreScript = script(
  accountLua,
  `
local isSame = generation == ARGV[3]
if generation and isSame and not isOlder() then return answer('kept') end
-- Who has not seen it before cannot tell what it was, unless somebody else could.
local doubted = redis.call('HGET', A, 'doubted')
local isStranger = ARGV[3] == ''
if generation and isStranger and not restored and not doubted then return answer('kept') end

-- An old state of the account, maybe of before an earlier loss: all of it is a part of what was.
local isOld = generation and (isSame or doubted == 'old' or
  not isStranger and madeMs(generation) < madeMs(ARGV[3]))
local base = redis.call('HMGET', A, 'base_granted', 'base_settled')

-- What a sum becomes, what of that was before the loss, and what of it is kept nowhere else.
local function raised(sum, ofBefore, known, kept)
  if isOld then ofBefore = sum end
  local now = math.max(sum + math.max(0, known - ofBefore), kept)
  return now, ofBefore + now - sum, now - math.max(sum, kept)
end
local nowGranted, baseGranted, lostGranted =
  raised(granted, tonumber(base[1] or 0), tonumber(ARGV[10]), tonumber(ARGV[12]))
local nowSettled, baseSettled, lostSettled =
  raised(settled, tonumber(base[2] or 0), tonumber(ARGV[11]), tonumber(ARGV[13]))
if nowGranted > MOST or nowSettled > MOST then return answer('range') end

granted, settled = nowGranted, nowSettled
if isOld or not generation then generation = FRESH end
restored = '1'
save()
redis.call('HDEL', A, 'doubted')
redis.call('HSET', A, 'restored', '1', 'base_granted', int(baseGranted), 'base_settled', int(baseSettled))

local id = 'restored ' .. generation .. ' ' .. int(steps)
if lostGranted > 0 then
  journal('grant', wallMs, id, '', '', lostGranted, '', '', 'total', int(granted))
end
if lostSettled > 0 then
  journal('settled', wallMs, id, '', '', lostSettled, '', '', 'total', int(settled))
end
return answer('restored')
`,
)
