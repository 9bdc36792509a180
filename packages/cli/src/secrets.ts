import { keyForm } from '@lazu/core'

/** No key is shorter: `keys import` takes none that is. */
const shortestKey = 16

/** What keys of lazu have behind their prefix. */
const tailLength = 38

const beginsAsKey = /^(?:sk|ck|pk|rk)[-_]/
const secretKey = /^sk[-_](?=.*\d)(?=.*[A-Z])[\w-]{20,}$/
const word = /[\w-]{16,}/g
const passwordInUrl = /:\/\/[^\s/@]*@/g

/** Whether a text is certainly a key, and no name of anything: no name is refused for less. */
export function isCertainlyKey(text: string): boolean {
  // The checksum tells a key of lazu with any prefix.
  const prefix = text.slice(0, -tailLength)
  return (prefix !== '' && keyForm(text, prefix) === 'ours') || secretKey.test(text)
}

/** Whether a text looks like a key. Those made elsewhere may look like anything. */
function isLikeKey(text: string): boolean {
  return isCertainlyKey(text) || (text.length >= shortestKey && beginsAsKey.test(text))
}

/**
 * Whether a text may be shown where somebody wrote something else than was asked for. What is as long
 * as a key may be one.
 */
export function isShowable(text: string): boolean {
  return text.length < shortestKey && !beginsAsKey.test(text.replace(/^-+/, ''))
}

/**
 * A wrong value as a message shows it: quoted, unless it may be a key.
 *
 * @param isPlain whether the text, although it is long, is of a form that no key has
 */
export function quoted(text: string, isPlain: boolean = false): string {
  if (isShowable(text) || (isPlain && !isLikeKey(text))) return JSON.stringify(text.slice(0, 80))
  return 'something that is not shown here, as it may be a key'
}

/** A text without what looks like a key, and without what stands before the `@` of a URL. */
export function withoutKeys(text: string): string {
  return text
    .replaceAll(passwordInUrl, '://[not shown]@')
    .replaceAll(word, (found) => (isLikeKey(found.replace(/^-+/, '')) ? '[not shown]' : found))
}
