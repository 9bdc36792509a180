/**
 * The beginning of each script that is about an account. Every number is a whole one below 2^53 and
 * is written with int(): Lua's own way to write numbers loses digits.
 *
 * KEYS[1] is the account. ARGV: 1 the monotonic and 2 the wall time in milliseconds, empty for the
 * server's own; 3 the generation and 4 what the caller has seen of it: the number of steps, granted and
 * settled; 5 whether there is a journal; 6 a name for the generation of an account that is made now;
 * 7 whether a durable ledger was asked about an account that is missing; 8 whether the indexes have the
 * names; 9 what the key spent and holds in other accounts.
 *
 * Fields: g generation, n steps, granted, settled, held; restored, base_granted and base_settled of
 * an account that was loaded again; doubted of one that somebody knew otherwise: \`old\` when all of it
 * is a part of what was, \`new\` when it was made since.
 */
export const accountLua = `
local A = KEYS[1]
local MOST = 9007199254740991
local REMEMBERED = 11 * 60000
local nowMs, wallMs
if ARGV[1] == '' then
  local time = redis.call('TIME')
  wallMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  nowMs = wallMs
else
  nowMs, wallMs = tonumber(ARGV[1]), tonumber(ARGV[2])
end
local wasAsked, isIndexed = ARGV[7] == '1', ARGV[8] == '1'

local function int(x) return string.format('%.0f', x) end

-- Begins with when it is made, so that one that is older than another is known as such.
local FRESH = int(wallMs) .. '.' .. ARGV[6]

local sums = redis.call('HMGET', A, 'g', 'n', 'granted', 'settled', 'held', 'restored')
local generation, restored = sums[1], sums[6]
local steps, granted, settled, held =
  tonumber(sums[2] or 0), tonumber(sums[3] or 0), tonumber(sums[4] or 0), tonumber(sums[5] or 0)

local function answer(status, ...)
  return { status, generation or '', int(steps), int(granted), int(settled), int(held),
    restored or '', ... }
end

-- An older state has fewer steps, or lower sums, when others have made as many steps since.
local function isOlder()
  local seen = { string.match(ARGV[4], '^(%d+) (%d+) (%d+)$') }
  return steps < tonumber(seen[1]) or granted < tonumber(seen[2]) or settled < tonumber(seen[3])
end

-- When a generation was made.
local function madeMs(g) return tonumber(string.match(g, '^(%d+)%.') or 0) end

local function save()
  if not generation then generation = FRESH end
  steps = steps + 1
  redis.call('HSET', A, 'g', generation, 'n', int(steps),
    'granted', int(granted), 'settled', int(settled), 'held', int(held))
end

local function journal(kind, atMs, id, key, model, amount, input, output, ...)
  if ARGV[5] ~= '1' then return end
  redis.call('XADD', A .. ':journal', '*', 'g', generation or FRESH, 'kind', kind, 'at', int(atMs),
    'id', id, 'key', key, 'model', model, 'amount', int(amount), 'input', input, 'output', output, ...)
end

local function finish(id, r, ended, atMs, charged, input, output)
  held = held - tonumber(r.amount)
  redis.call('HINCRBY', A .. ':k:' .. r.key, 'held', int(0 - tonumber(r.amount)))
  redis.call('ZREM', A .. ':open', id)
  local R = A .. ':r:' .. id
  redis.call('HSET', R, 'ended', ended, 'ended_at', int(atMs), 'charged', int(charged),
    'input', input, 'output', output)
  redis.call('PEXPIRE', R, REMEMBERED)
  local moved = charged
  if ended ~= 'settled' then moved = tonumber(r.amount) end
  journal(ended, atMs, id, r.key, r.model, moved, input, output)
end

local function reservation(id)
  local r = redis.call('HMGET', A .. ':r:' .. id, 'key', 'model', 'amount', 'ended', 'charged')
  if not r[1] then return nil end
  return { key = r[1], model = r[2], amount = r[3], ended = r[4], charged = r[5] }
end
`

/** Refuses when the account is not what the caller saw; then ends what is over, a bounded number. */
export const expireLua = `
if ARGV[3] ~= '' and (generation ~= ARGV[3] or isOlder()) then
  if generation and not restored then
    local isOld = generation == ARGV[3] or madeMs(generation) < madeMs(ARGV[3])
    redis.call('HSET', A, 'doubted', isOld and 'old' or 'new')
  end
  return answer('forgotten')
end
local due = redis.call('ZRANGEBYSCORE', A .. ':open', '-inf', int(nowMs), 'WITHSCORES', 'LIMIT', 0, 100)
for i = 1, #due, 2 do
  local r = reservation(due[i])
  if r then finish(due[i], r, 'expired', wallMs - (nowMs - tonumber(due[i + 1])), 0, '', '')
  else redis.call('ZREM', A .. ':open', due[i]) end
end
if #due > 0 then save() end
if #due == 200 then return answer('again') end
`

/** What a key spent and holds: of an account, and of the other accounts that paid for it. */
export const spendingLua = `
local DAY = 86400000
local day = math.floor(wallMs / DAY)

-- Months since the year 0 (UTC).
local function monthOf(d)
  local z = d + 719468
  local era = math.floor(z / 146097)
  local dayOfEra = z - era * 146097
  local yearOfEra = math.floor((dayOfEra - math.floor(dayOfEra / 1460) +
    math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
  local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) -
    math.floor(yearOfEra / 100))
  local month = math.floor((5 * dayOfYear + 2) / 153)
  local year = yearOfEra + era * 400
  if month < 10 then return year * 12 + month + 2 end
  return (year + 1) * 12 + month - 10
end

-- A window as it counts now. A clock that is set back by less than a window leaves the sum where it
-- is; by more, the sum counts for now, so that nobody is locked out until a day far away.
local function windowIn(number, spent, now)
  if now > number then return now, 0 end
  if now < number - 1 then return now, spent end
  return number, spent
end

local function spendingOf(key)
  local f = redis.call('HMGET', A .. ':k:' .. key,
    'spent', 'held', 'day', 'day_spent', 'month', 'month_spent', 'linked')
  local k = { known = f[2], spent = tonumber(f[1] or 0), held = tonumber(f[2] or 0), linked = f[7] }
  k.day, k.daySpent = windowIn(tonumber(f[3] or -1), tonumber(f[4] or 0), day)
  k.month, k.monthSpent = windowIn(tonumber(f[5] or -1), tonumber(f[6] or 0), monthOf(day))
  return k
end

local function elsewhere()
  local spent, heldThere, ofDay, ofMonth = string.match(ARGV[9], '^(%d+) (%d+) (%d+) (%d+)$')
  return { spent = tonumber(spent or 0), held = tonumber(heldThere or 0),
    day = tonumber(ofDay or 0), month = tonumber(ofMonth or 0) }
end
`

/** The whole beginning of a step. */
export const stepLua = accountLua + expireLua
