import { BlockList, isIPv4 } from 'node:net'
import { createNetworkSet, parseAddress } from '@lazu/core'
import { inTurn, type Group } from './group.js'

/** Whether an address, as text, is in one of some networks. */
export function addressGroups(): readonly Group[] {
  return [1, 100, 10_000].map((count) => {
    const networks = Array.from({ length: count }, (_, index) => networkNumber(index))
    const rules = networks.map((number) => `${addressText(number)}/24`)
    const set = createNetworkSet(rules, 'allow')
    const list = new BlockList()
    for (const number of networks) list.addSubnet(addressText(number), 24)
    const byHand = new HandWrittenSet(networks)
    // Half of them are in one of the networks.
    const text = inTurn((index) =>
      addressText(networkNumber(index % count) + (index % 2 === 0 ? 7 : 256 + 7)),
    )
    return {
      title: `an address against ${count.toLocaleString('en')} networks`,
      limitNs: 100,
      contenders: [
        {
          name: 'parseAddress() and createNetworkSet()',
          role: 'lazu',
          call: () => {
            const address = parseAddress(text())
            return address !== undefined && set.has(address)
          },
        },
        { name: 'hand-written, IPv4 only', role: 'minimum', call: () => byHand.has(text()) },
        { name: 'node:net, BlockList', role: 'package', call: () => list.check(text()) },
      ],
    }
  })
}

/** Every other /24 from 20.0.0.0 on. */
function networkNumber(index: number): number {
  return 20 * 2 ** 24 + index * 512
}

function addressText(number: number): string {
  return [24, 16, 8, 0].map((bits) => (number >>> bits) & 255).join('.')
}

/** Sorted beginnings of networks of 256 addresses. */
class HandWrittenSet {
  readonly #starts: Uint32Array

  constructor(starts: readonly number[]) {
    this.#starts = Uint32Array.from(starts).toSorted()
  }

  has(text: string): boolean {
    if (!isIPv4(text)) return false
    const starts = this.#starts
    const address = toNumber(text)
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? 0) <= address) low = middle + 1
      else high = middle
    }
    return low > 0 && address - (starts[low - 1] ?? 0) < 256
  }
}

function toNumber(text: string): number {
  let number = 0
  let part = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2e) {
      number = number * 256 + part
      part = 0
    } else part = part * 10 + code - 0x30
  }
  return number * 256 + part
}
