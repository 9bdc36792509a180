// Control characters (escape sequences begin with one), line separators, what turns the direction of
// text, and whatever is shown as nothing or as a blank: by these one name is made to look like another.
const dangerous =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu

/**
 * Text that does nothing to a terminal, and looks like no other: what cannot be seen is written as
 * escapes.
 *
 * @example `harmless('a\u001b[2Jb')` is `a\x1b[2Jb`, the backslash being a character
 */
export function harmless(text: string): string {
  return text.replaceAll(dangerous, (character) => {
    if (character === '\n') return String.raw`\n`
    if (character === '\t') return String.raw`\t`
    const code = character.codePointAt(0) ?? 0
    const hex = code.toString(16)
    if (code < 0x100) return String.raw`\x${hex.padStart(2, '0')}`
    return code < 0x10000 ? unicodeEscape(code) : String.raw`\u{${hex}}`
  })
}

/**
 * A value that stands alone, in a table for instance, as {@link harmless} text: blanks at its ends are
 * escaped, too, and so is the backslash, which escapes begin with.
 */
export function harmlessValue(text: string): string {
  return harmless(text.replaceAll('\\', String.raw`\\`)).replaceAll(/^ +| +$/g, (blanks) =>
    String.raw`\x20`.repeat(blanks.length),
  )
}

/** A value as indented JSON, in which what cannot be seen is escaped even where JSON allows it. */
export function harmlessJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2) ?? 'null'
  // Newlines outside strings are JSON.stringify's own indentation; inside it has escaped them.
  return text.replaceAll(dangerous, (character) =>
    character === '\n' ? character : unitsOf(character).map(unicodeEscape).join(''),
  )
}

/** JSON knows no escapes but of UTF-16. */
function unitsOf(character: string): number[] {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
}

function unicodeEscape(code: number): string {
  return String.raw`\u${code.toString(16).padStart(4, '0')}`
}
