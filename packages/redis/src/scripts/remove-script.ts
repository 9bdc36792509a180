import { script } from './script.js'

/**
 * Removes entries of a journal. ARGV: of each its id in the stream and its generation. An id is a
 * time, and a server whose clock is behind the one before it gives it out once more.
 */
export const removeScript = script(`
for i = 1, #ARGV, 2 do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if entry and entry[2][2] == ARGV[i + 1] then redis.call('XDEL', KEYS[1], ARGV[i]) end
end
return 'OK'
`)
