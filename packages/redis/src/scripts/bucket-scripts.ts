import { script } from './script.js'

/**
 * The beginning of each script about buckets.
 *
 * A bucket is one number: the time at which it is full again, in microseconds of the server's clock
 * since 1970, with six digits behind the point where it has a fraction; `inf` for one that is blocked
 * for ever. There is none for a full bucket. What is missing from a bucket is told as the time until
 * it is full.
 *
 * ARGV: 1 the time in microseconds, empty for the server's own; 2 how many milliseconds longer than
 * needed a bucket is kept.
 *
 * Numbers are written by a format of ours: Lua's own way loses digits.
 */
const bucketLua = `
local time = ARGV[1] == '' and redis.call('TIME')
local now = time and time[1] * 1000000 + time[2] or tonumber(ARGV[1])

local function missingIn(name)
  local stored = redis.call('GET', name)
  if not stored then return 0 end
  local fullAt = tonumber(stored)
  if fullAt == math.huge then return fullAt end
  local point = string.find(stored, '.', 1, true)
  local missing = fullAt - now
  if point then missing = string.sub(stored, 1, point - 1) - now + string.sub(stored, point) end
  return missing > 0 and missing or 0
end

local function write(name, missing)
  if missing == math.huge then return redis.call('SET', name, 'inf') end
  local whole = math.floor(missing)
  local fullAt = string.format('%.0f', now + whole)
  if missing > whole then
    fullAt = fullAt .. string.format('.%06d', math.floor((missing - whole) * 1000000))
  end
  local keptMs = math.ceil(missing / 1000) + ARGV[2]
  redis.call('SET', name, fullAt, 'PX', string.format('%.0f', keptMs))
end

local function exact(missing)
  if missing < math.huge and missing == math.floor(missing) then return missing end
  return string.format('%.17g', missing)
end
`

/**
 * Takes from all of KEYS, or from none. A name that comes twice is taken from twice. ARGV from 3, for
 * each key: what is taken and what the bucket holds, in microseconds. What passes is early by half a
 * microsecond at most.
 *
 * Answers with 1 or 0, and what was missing from each bucket before.
 */
export const takeScript = script(
  bucketLua,
  `
local answer, missing = { 1 }, {}
for i = 1, #KEYS do
  local cost, capacity = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local before = missing[KEYS[i]] or missingIn(KEYS[i])
  if cost > capacity or before + cost - capacity > 0.5 then answer[1] = 0 end
  missing[KEYS[i]] = before + cost
  answer[i + 1] = exact(before)
end
if answer[1] == 0 then return answer end
for i = 1, #KEYS do
  if ARGV[2 * i + 1] ~= '0' then write(KEYS[i], missing[KEYS[i]]) end
end
return answer
`,
)

/**
 * Changes what is missing from the bucket KEYS[1]. ARGV: 3 how, 4 a number of microseconds, which may
 * be `inf`: 'add' it (it may be negative), make it 'exactly' so many, or at 'least' so many.
 *
 * Answers with what was missing before and what is missing now.
 */
export const changeScript = script(
  bucketLua,
  `
local CENTURY = 3155760000000000
local before = missingIn(KEYS[1])
local given = ARGV[4] == 'inf' and math.huge or tonumber(ARGV[4])
local missing = given
if ARGV[3] == 'add' then missing = before + given end
if ARGV[3] == 'least' then missing = math.max(before, given) end
-- Times further away would not be exact.
if missing < math.huge then missing = math.max(math.min(missing, CENTURY), 0) end
if missing == 0 then
  redis.call('DEL', KEYS[1])
elseif missing ~= before then
  write(KEYS[1], missing)
end
return { exact(before), exact(missing) }
`,
)
