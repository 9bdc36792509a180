/** An own field of what a stranger sent; undefined when it only has one of a prototype. */
export function ownField(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? Reflect.get(object, name) : undefined
}
