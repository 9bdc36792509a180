/**
 * Compares two texts by their UTF-8 bytes, for `sort`: the order in which databases have them. That
 * of `<` is another one for what is written in surrogates.
 */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let index = 0; index < length; index++) {
    const unit = one.charCodeAt(index)
    const otherUnit = other.charCodeAt(index)
    if (unit !== otherUnit) return rankOf(unit) - rankOf(otherUnit)
  }
  return one.length - other.length
}

/** Surrogates, which stand for the characters past U+FFFF, go behind all other units. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
