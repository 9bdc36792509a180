import { accountLua } from './account-lua.js'
import { script } from './script.js'

/**
 * Loads an account again that the server has forgotten. ARGV from 10: granted and settled as the
 * caller knows them, and as much of them as the durable ledger has. Several callers may know
 * different much of what was: the account is raised to the most any of them knows, beside what
 * happened to it since.
 */
export const restoreScript = script(
  accountLua,
  `
local knownGranted, knownSettled = tonumber(ARGV[10]), tonumber(ARGV[11])
local isSame = generation == ARGV[3]
if generation and isSame and steps >= tonumber(ARGV[4]) then return answer('kept') end
if generation and ARGV[3] == '' and not restored then return answer('kept') end

local base = redis.call('HMGET', A, 'base_granted', 'base_settled')
local baseGranted, baseSettled = tonumber(base[1] or 0), tonumber(base[2] or 0)
local durableGranted, durableSettled = baseGranted, baseSettled
if isSame then
  -- An old state of the same account: all of it is a part of what the caller knows.
  baseGranted, baseSettled = granted, settled
  durableGranted, durableSettled = granted, settled
end
if not generation then durableGranted, durableSettled = tonumber(ARGV[12]), tonumber(ARGV[13]) end

local moreGranted = math.max(0, knownGranted - baseGranted)
local moreSettled = math.max(0, knownSettled - baseSettled)
if granted + moreGranted > MOST or settled + moreSettled > MOST then return answer('range') end
granted, settled = granted + moreGranted, settled + moreSettled
if isSame or not generation then generation = ARGV[6] end
restored = '1'
save()
redis.call('HSET', A, 'restored', '1', 'base_granted', int(baseGranted + moreGranted),
  'base_settled', int(baseSettled + moreSettled))

local id = 'restored ' .. generation .. ' ' .. int(steps)
local lostGranted = baseGranted + moreGranted - durableGranted
local lostSettled = baseSettled + moreSettled - durableSettled
if lostGranted > 0 then journal('grant', wallMs, id, '', '', lostGranted, '', '') end
if lostSettled > 0 then journal('settled', wallMs, id, '', '', lostSettled, '', '') end
return answer('restored')
`,
)
