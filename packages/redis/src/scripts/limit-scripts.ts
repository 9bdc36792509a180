import { script } from './script.js'

/** How long a place is held that nobody holds on to, in milliseconds. */
export const leaseMs = 30_000

/**
 * The beginning of each script about limits: `now`, in whole microseconds of the server's clock since
 * 2026. ARGV: 1 the time to go by instead, or empty; 2 for how many milliseconds names are kept.
 *
 * A bucket is one number: the time at which it was empty, or will be when it is in debt; since then it
 * has been filling. `inf` for one that is blocked for ever. There is none for a full bucket. What is
 * missing from a bucket is told as the time until it is full.
 *
 * The places of a rule are a sorted set: the id of each, and until when it is held.
 *
 * Numbers are written by formats of ours: Lua's own way loses digits, and '%d' takes a third of the
 * time of any other. Times since 1970 would leave a quarter of a microsecond to a double; those since
 * 2026 leave a fiftieth until 2034.
 */
const nowLua = `
local call, format, now = redis.call, string.format, ARGV[1]
if now == '' then
  local time = call('TIME')
  now = (time[1] - 1767225600) * 1000000 + time[2]
else
  now = now + 0
end
`

/**
 * Writes a bucket from which `over` more is missing than it holds. Not by a function of Lua: a call
 * costs half as much as all this.
 */
const writeLua = (keptMs: string): string => `
    local emptyAt = now + over
    emptyAt = format(emptyAt % 1 == 0 and '%d' or '%.17g', emptyAt)
    call('SET', KEYS[i], emptyAt, 'PX', ${keptMs})
`

/** Holds a place for a lease from now on. */
const holdLua = `
    call('ZADD', KEYS[i], format('%d', now + ${leaseMs * 1_000}), id)
    call('PEXPIRE', KEYS[i], ARGV[2])
`

/**
 * Takes for one request after the other: from all of its keys, or from none. No name comes twice in one
 * request. ARGV: 2 is at least as long as any of the buckets takes to fill and a lease lasts; 3 a letter
 * for each key, and a space between two requests; and from 4 two for each key:
 *
 * - `b`, a bucket: what is taken and what the bucket holds, in microseconds
 * - `p`, a place: its id and how many there are
 *
 * A capital letter is a rule that only observes: it refuses nothing, and is taken from where it would
 * have passed. What passes is early by half a microsecond at most.
 *
 * Answers for each request with 1 or 0, and for each of its keys what was missing before, or how many
 * places were held.
 */
export const takeScript = script(
  nowLua,
  `
local answer, first = {}, 1
for letters in string.gmatch(ARGV[3], '%a+') do
  local passes, after, last = 1, {}, first + #letters - 1
  local told = #answer + 1
  answer[told] = 0
  for i = first, last do
    local letter, before = string.byte(letters, i - first + 1), 0
    if letter == 98 or letter == 66 then
      local emptyAt, capacity = call('GET', KEYS[i]), ARGV[2 * i + 3] + 0
      if emptyAt then
        before = emptyAt - now + capacity
        if before < 0 then before = 0 end
      end
      local over = before + ARGV[2 * i + 2] - capacity
      if over <= 0.5 then
        after[i] = over
      elseif letter == 98 then
        passes = 0
      end
      if before % 1 ~= 0 then before = format('%.17g', before) end
    else
      call('ZREMRANGEBYSCORE', KEYS[i], '-inf', format('%d', now))
      before = call('ZCARD', KEYS[i])
      local limit = tonumber(ARGV[2 * i + 3])
      -- Its own, when a client sends a command again whose answer was cut off.
      if before >= limit and call('ZSCORE', KEYS[i], ARGV[2 * i + 2]) then before = before - 1 end
      if before < limit then
        after[i] = false
      elseif letter == 112 then
        passes = 0
      end
    end
    answer[told + 1 + i - first] = before
  end
  answer[told] = passes
  for i = first, passes == 1 and last or 0 do
    local over = after[i]
    if over == false then
      local id = ARGV[2 * i + 2]
      ${holdLua}
    elseif over and ARGV[2 * i + 2] ~= '0' then
      ${writeLua('ARGV[2]')}
    end
  end
  first = last + 1
end
return answer
`,
)

/**
 * Changes what is missing from the buckets KEYS. ARGV: 2 is how much longer than needed they are kept;
 * 3 how; and from 4 two for each key: a number of microseconds, and what the bucket holds. 'add' adds
 * the number, which may be negative; 'exactly' makes it so many, 'least' so many or more. It may be
 * `inf`.
 *
 * Answers with what was missing before and what is missing now, for each key.
 */
export const changeScript = script(
  nowLua,
  `
local CENTURY = 3155760000000000
local answer = {}
for i = 1, #KEYS do
  local given, capacity = tonumber(ARGV[2 * i + 2]), ARGV[2 * i + 3]
  local stored, before = call('GET', KEYS[i]), 0
  if stored then before = math.max(stored - now + capacity, 0) end
  local missing = given
  if ARGV[3] == 'add' then missing = before + given end
  if ARGV[3] == 'least' then missing = math.max(before, given) end
  -- Times further away would not be exact.
  if missing < math.huge then missing = math.max(math.min(missing, CENTURY), 0) end
  if missing == 0 then
    call('DEL', KEYS[i])
  elseif missing == math.huge then
    call('SET', KEYS[i], 'inf')
  elseif missing ~= before then
    local over = missing - capacity
    ${writeLua("format('%d', missing / 1000 + ARGV[2])")}
  end
  answer[2 * i - 1], answer[2 * i] = format('%.17g', before), format('%.17g', missing)
end
return answer
`,
)

/**
 * Holds the places ARGV from 3, each in the set of the same index in KEYS, for a lease from now on. One
 * that was given up meanwhile, or that Redis has forgotten, is held again: its request still runs.
 * ARGV: 2 is at least as long as a lease lasts.
 */
export const holdScript = script(
  nowLua,
  `
for i = 1, #KEYS do
  local id = ARGV[i + 2]
  ${holdLua}
end
return #KEYS
`,
)

/** Gives back the places ARGV, each from the set of the same index in KEYS. */
export const freeScript = script(
  `
for i = 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[i]) end
return #KEYS
`,
)
