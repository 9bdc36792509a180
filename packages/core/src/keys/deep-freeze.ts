/** Freezes a value of plain objects and lists, through and through, and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  const members: unknown[] = Object.values(value)
  for (const member of members) deepFreeze(member)
  return Object.freeze(value)
}
