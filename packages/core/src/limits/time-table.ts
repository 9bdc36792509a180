/**
 * Keys and one moment each, for state that says nothing any more once its moment is long enough
 * past. Bounded, with no timer, and with no call that does more than a few steps.
 *
 * - Every write looks at one other entry, and that of a new key at three, in turn, and drops those
 *   that are past. So there are seldom more than twice and never many more than three times as many
 *   entries as still matter, and nothing is lost.
 * - When `maxKeys` still matter and one more comes, a few are looked at and the one with the
 *   earliest moment goes: the least used, whose loss gives the least away. A flood of new keys does
 *   not push out a key that owes much.
 * - One Map of a million keys stands still for 100 to 300 ms when it grows or clears up its gaps;
 *   64 small ones never for more than a few.
 *
 * A key costs about 110 bytes: its text, a place in a Map, eight bytes for the moment.
 */
export class TimeTable {
  readonly #maxKeys: number
  readonly #shards: readonly Shard[] = Array.from({ length: shardCount }, newShard)
  #size = 0
  #turn = 0

  /** @param maxKeys how many keys are held at most: 1 to {@link mostKeys} */
  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  /** How many keys are held, some included that are past. */
  get size(): number {
    return this.#size
  }

  /**
   * Where the key stands, to save looking it up again: a number from 0, or -1 when it is not held.
   * It holds good until the next write.
   */
  find(key: string): number {
    const index = shardIndex(key)
    const slot = this.#shardAt(index).slots.get(key)
    return slot === undefined ? -1 : slot * shardCount + index
  }

  /** The moment of what {@link find} found; `-Infinity` when it found nothing. */
  timeAt(place: number): number {
    return place < 0 ? -Infinity : timeOf(this.#shardOf(place), slotOf(place))
  }

  /**
   * Writes the key's moment.
   *
   * @param place what {@link find} returned for the key
   * @param pastMs entries with this moment or an earlier one may be forgotten
   */
  set(place: number, key: string, timeMs: number, pastMs: number): void {
    if (place < 0) this.#add(key, timeMs, pastMs)
    else this.#shardOf(place).times[slotOf(place)] = timeMs
    // In turn over all shards, so that after a flood the writes to a few keys clear up all of it.
    this.#sweep(this.#nextShard(), pastMs)
  }

  /** Forgets what {@link find} found. */
  delete(place: number): void {
    if (place >= 0) this.#remove(this.#shardOf(place), slotOf(place))
  }

  #add(key: string, timeMs: number, pastMs: number): void {
    const shard = this.#shardAt(shardIndex(key))
    // Twice, or a shard that gets more than its share of new keys would outgrow its sweeping.
    this.#sweep(shard, pastMs)
    this.#sweep(shard, pastMs)
    if (this.#size >= this.#maxKeys) this.#evict()
    shard.slots.set(key, shard.keys.length)
    shard.keys.push(key)
    shard.times.push(timeMs)
    this.#size += 1
  }

  /** Looks at the shard's next entry and drops it when it is past. */
  #sweep(shard: Shard, pastMs: number): void {
    if (shard.keys.length === 0) return
    const slot = nextSlot(shard)
    if (timeOf(shard, slot) <= pastMs) this.#remove(shard, slot)
  }

  /** Makes room for one: looks at a few entries of several shards and drops the earliest. */
  #evict(): void {
    let shard = this.#nextFilledShard()
    let slot = nextSlot(shard)
    for (let looked = 1; looked < evictionSample; looked += 1) {
      const other = this.#nextFilledShard()
      const otherSlot = nextSlot(other)
      if (timeOf(other, otherSlot) < timeOf(shard, slot)) {
        shard = other
        slot = otherSlot
      }
    }
    this.#remove(shard, slot)
  }

  /** The next shard that holds something. There is one when the table is full. */
  #nextFilledShard(): Shard {
    for (let tried = 0; tried < shardCount; tried += 1) {
      const shard = this.#nextShard()
      if (shard.keys.length > 0) return shard
    }
    throw new RangeError('no shard holds anything')
  }

  #nextShard(): Shard {
    this.#turn = (this.#turn + 1) % shardCount
    return this.#shardAt(this.#turn)
  }

  /** Takes an entry out and puts the shard's last one in its place, so that slots have no gaps. */
  #remove(shard: Shard, slot: number): void {
    const key = shard.keys[slot]
    const lastKey = shard.keys.pop()
    const lastTimeMs = shard.times.pop()
    if (key === undefined || lastKey === undefined || lastTimeMs === undefined) return
    shard.slots.delete(key)
    if (slot < shard.keys.length) {
      shard.keys[slot] = lastKey
      shard.times[slot] = lastTimeMs
      shard.slots.set(lastKey, slot)
    }
    this.#size -= 1
  }

  #shardOf(place: number): Shard {
    return this.#shardAt(place & (shardCount - 1))
  }

  #shardAt(index: number): Shard {
    const shard = this.#shards[index]
    if (shard === undefined) throw new RangeError(`there is no shard ${index}`)
    return shard
  }
}

/**
 * The largest `maxKeys`. If every key came into one shard, its Map would still be able to clear up
 * within the 16.7 million places that V8 gives a Map.
 */
export const mostKeys = 8_000_000

interface Shard {
  /** Where in `keys` and `times` a key stands. */
  readonly slots: Map<string, number>
  readonly keys: string[]
  readonly times: number[]
  /** The slot that is looked at next. */
  hand: number
}

const shardBits = 6
const shardCount = 1 << shardBits
const evictionSample = 8

function newShard(): Shard {
  return { slots: new Map(), keys: [], times: [], hand: 0 }
}

function nextSlot(shard: Shard): number {
  const slot = shard.hand < shard.keys.length ? shard.hand : 0
  shard.hand = slot + 1
  return slot
}

function timeOf(shard: Shard, slot: number): number {
  return shard.times[slot] ?? -Infinity
}

function slotOf(place: number): number {
  return place >> shardBits
}

/** Three characters tell enough: what is uneven makes a shard larger, and nothing wrong. */
function shardIndex(key: string): number {
  const length = key.length
  const last = key.charCodeAt(length - 1)
  const secondLast = key.charCodeAt(length - 2)
  const middle = key.charCodeAt(length >> 1)
  // A character that is not there is NaN, whose bits are 0.
  return (last + secondLast * 10 + middle * 37) & (shardCount - 1)
}
