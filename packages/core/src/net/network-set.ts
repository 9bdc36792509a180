import { ConfigurationError } from '../lib/configuration-error.js'
import type { Address } from './address.js'
import { compareWords, parseNetwork } from './network.js'
import type { EverybodyPolicy, Network, Words } from './network.js'

/** Networks that can be asked whether an address is in one of them. */
export interface NetworkSet {
  /** Takes as long with 10,000 networks as with one, near enough. */
  has(address: Address): boolean
}

/** What `createNetworkSet` can be told beside the rules. */
export interface NetworkSetOptions {
  /** Whether the rules may let in every IPv4 or every IPv6 address. False unless given. */
  readonly allowAll?: boolean
}

/** What a set of networks may be, and what to say when it is something else. */
export interface NetworkSetPolicy {
  readonly everybody: EverybodyPolicy
  /** What would be right, when the list is empty. */
  readonly mendEmpty: string
}

/**
 * A set of the addresses and networks (CIDR) named by `rules`. IPv4-mapped IPv6 counts as IPv4; an
 * IPv6 network never holds an IPv4 address.
 *
 * @param path where the list stands in the configuration: `allow`
 * @throws ConfigurationError LAZU_CONFIG_INVALID_NETWORK when the list is empty or a rule (at
 *   `allow[2]`, say) is not an address or a network; LAZU_CONFIG_DANGEROUS when the rules, alone or
 *   together, hold every IPv4 or every IPv6 address and `allowAll` is not set
 *
 * @example
 * ```
 * const office = createNetworkSet(['203.0.113.0/24', '2001:db8::/32'], 'allow')
 * office.has(address)
 * ```
 */
export function createNetworkSet(
  rules: readonly string[],
  path: string,
  options: NetworkSetOptions = {},
): NetworkSet {
  return buildNetworkSet(rules, path, {
    everybody: {
      allowed: options.allowAll === true,
      mend: 'Set `allowAll: true` if everybody may really come in.',
    },
    mendEmpty: 'Name at least one network, such as "10.0.0.0/8", or leave the option out.',
  })
}

/**
 * What `createNetworkSet` does, for rules nobody has checked.
 *
 * @throws ConfigurationError as `createNetworkSet` does, and LAZU_CONFIG_INVALID_NETWORK when `rules`
 *   is not an array
 */
export function buildNetworkSet(
  rules: unknown,
  path: string,
  policy: NetworkSetPolicy,
): NetworkSet {
  if (!Array.isArray(rules)) {
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_NETWORK',
      path,
      'is not a list of networks',
      'Write a list, such as ["10.0.0.0/8", "2001:db8::/32"].',
    )
  }
  if (rules.length === 0) {
    const code = 'LAZU_CONFIG_INVALID_NETWORK'
    throw new ConfigurationError(code, path, 'is an empty list', policy.mendEmpty)
  }
  const networks: Network[] = []
  for (let index = 0; index < rules.length; index++) {
    networks.push(parseNetwork(rules[index], `${path}[${index}]`, policy.everybody))
  }
  const version4 = merge(networks.filter((network) => network.family === 4))
  const version6 = merge(networks.filter((network) => network.family === 6))
  if (!policy.everybody.allowed) {
    refuseEverybody(version4, 4, path, policy.everybody.mend)
    refuseEverybody(version6, 6, path, policy.everybody.mend)
  }
  return new SortedNetworkSet(version4, version6)
}

/** Sorts networks and joins those that overlap or touch, so that at most one holds an address. */
function merge(networks: readonly Network[]): Network[] {
  const merged: Network[] = []
  let current: Network | undefined
  for (const next of networks.toSorted((left, right) => compareWords(left.first, right.first))) {
    if (current === undefined) {
      current = next
    } else if (
      compareWords(next.first, current.last) <= 0 ||
      compareWords(next.first, successor(current.last)) === 0
    ) {
      if (compareWords(next.last, current.last) > 0) current = { ...current, last: next.last }
    } else {
      merged.push(current)
      current = next
    }
  }
  if (current !== undefined) merged.push(current)
  return merged
}

/** The address after this one; after the last one, the first. */
function successor(words: Words): Words {
  const fourth = (words[3] + 1) >>> 0
  const third = fourth === 0 ? (words[2] + 1) >>> 0 : words[2]
  const second = fourth === 0 && third === 0 ? (words[1] + 1) >>> 0 : words[1]
  const first = fourth === 0 && third === 0 && second === 0 ? (words[0] + 1) >>> 0 : words[0]
  return [first, second, third, fourth]
}

function refuseEverybody(
  merged: readonly Network[],
  family: 4 | 6,
  path: string,
  mend: string,
): void {
  const [only] = merged
  if (only === undefined) return
  const begin = family === 4 ? 3 : 0
  const isWhole =
    only.first.every((word) => word === 0) &&
    only.last.every((word, index) => index < begin || word === 0xffffffff)
  if (!isWhole) return
  throw new ConfigurationError(
    'LAZU_CONFIG_DANGEROUS',
    path,
    `holds every IPv${family} address: together its networks leave nobody out`,
    mend,
  )
}

class SortedNetworkSet implements NetworkSet {
  readonly #first4: Uint32Array
  readonly #last4: Uint32Array
  /** Four words a network. */
  readonly #first6: Uint32Array
  readonly #last6: Uint32Array

  constructor(version4: readonly Network[], version6: readonly Network[]) {
    this.#first4 = Uint32Array.from(version4, (network) => network.first[3])
    this.#last4 = Uint32Array.from(version4, (network) => network.last[3])
    this.#first6 = Uint32Array.from(version6.flatMap((network) => network.first))
    this.#last6 = Uint32Array.from(version6.flatMap((network) => network.last))
  }

  has(address: Address): boolean {
    return address.family === 4 ? this.#has4(address.value) : this.#has6(address.words)
  }

  /** Looks for the last network that begins at or before the address; only that one can hold it. */
  #has4(value: number): boolean {
    const first = this.#first4
    let low = 0
    let high = first.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((first[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    return low > 0 && value <= (this.#last4[low - 1] ?? 0)
  }

  #has6(words: Words): boolean {
    const first = this.#first6
    let low = 0
    let high = first.length / 4
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareAt(first, middle * 4, words) <= 0) low = middle + 1
      else high = middle
    }
    return low > 0 && compareAt(this.#last6, (low - 1) * 4, words) >= 0
  }
}

/** Compares the four words of `list` at `offset` with `words`, as a sort would. */
function compareAt(list: Uint32Array, offset: number, words: Words): number {
  return (
    (list[offset] ?? 0) - words[0] ||
    (list[offset + 1] ?? 0) - words[1] ||
    (list[offset + 2] ?? 0) - words[2] ||
    (list[offset + 3] ?? 0) - words[3]
  )
}
