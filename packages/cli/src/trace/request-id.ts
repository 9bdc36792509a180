import { CommandError } from '../command-error.js'
import { isCertainlyKey } from '../secrets.js'

const longest = 200

/**
 * A request's id as somebody wrote it. What cannot be one is not shown: people paste a key where an
 * id belongs.
 *
 * @throws CommandError `usage` for nothing, for more than 200 characters, and for a key (with whatever
 *   prefix) or its id
 */
export function requestId(text: string): string {
  const isKeyOrId = /^(?:sk|ck|pk|rk|key)[-_]/.test(text) || isCertainlyKey(text)
  if (text.length > 0 && text.length <= longest && !isKeyOrId) return text
  throw new CommandError(
    'usage',
    '<request-id> is no id of a request, and is not shown here as it may be a key. ' +
      'Write what the answer had in its header x-request-id.',
    { param: '<request-id>' },
  )
}
