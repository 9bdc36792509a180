/**
 * An IP address as numbers. An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
 */
export type Address =
  | { readonly family: 4; readonly value: number }
  | { readonly family: 6; readonly words: readonly [number, number, number, number] }
