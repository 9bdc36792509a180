// Control characters (escape sequences begin with one), line separators, and what turns the
// direction of text, by which one name is made to look like another.
const dangerous = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu

/**
 * Text that does nothing to a terminal: control characters are written as escapes.
 *
 * @example `harmless('a\u001b[2Jb')` is `a\x1b[2Jb`, the backslash being a character
 */
export function harmless(text: string): string {
  return text.replaceAll(dangerous, (character) => {
    const code = character.charCodeAt(0)
    if (character === '\n') return String.raw`\n`
    if (character === '\t') return String.raw`\t`
    const hex = code.toString(16)
    return code < 0x100 ? String.raw`\x${hex.padStart(2, '0')}` : unicodeEscape(code)
  })
}

/** A value as indented JSON, in which control characters are escaped even where JSON allows them. */
export function harmlessJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2) ?? 'null'
  // Newlines outside strings are JSON.stringify's own indentation; inside it has escaped them.
  return text.replaceAll(dangerous, (character) =>
    character === '\n' ? character : unicodeEscape(character.charCodeAt(0)),
  )
}

function unicodeEscape(code: number): string {
  return String.raw`\u${code.toString(16).padStart(4, '0')}`
}
