import { GatewayError, type Usage } from '@lazu/core'
import { GrowingBytes } from '../growing-bytes.js'
import { beginsWithField, colon, endsWithEvent, firstOf } from './event-bytes.js'
import { eventFields } from './event-fields.js'
import { streamKindOf, type EventReaderOptions } from './kind-of.js'
import { LongEvent } from './long-event.js'
import { outputBytesIn } from './output-bytes.js'
import { PassedBytes } from './passed-bytes.js'
import type { StreamKind } from './stream-kind.js'
import { UnitEnds } from './unit-ends.js'

/** An event with more bytes is passed on before it is whole. */
const mostHeldBytes = 65_536

/**
 * Reads an event stream on its way from an upstream to a client. It lets nothing pass but whole events
 * and comments, so that one that tells an error is held back, and notes what the stream used.
 */
export interface EventReader {
  /**
   * Takes the next chunk, and gives what may go to the client now: mostly the very same chunk.
   *
   * @throws GatewayError when an event tells an error, or has something else than JSON. What stood
   *   before it in this chunk is in `unsent`.
   */
  push(chunk: Buffer): Buffer | undefined
  /**
   * Takes the end of the stream, and gives the rest.
   *
   * @throws GatewayError `upstream_empty_response` when there was no event, `upstream_read_failed` when
   *   the stream stopped inside an event or without its protocol's end
   */
  end(): Buffer | undefined
  /** The final usage, once it was told. */
  readonly usage: Usage | undefined
  /** Whether an event, a comment or a part of a long event was passed on. */
  readonly begun: boolean
  /** About how many bytes of text the model has written so far. */
  readonly outputBytes: number
  /** Once `push` has thrown: what stood before, and may go to a client that has got something already. */
  readonly unsent: Buffer | undefined
}

/** Makes a reader for one stream. */
export function createEventReader(options: EventReaderOptions): EventReader {
  return new Reader(streamKindOf(options))
}

class Reader implements EventReader {
  readonly #kind: StreamKind
  readonly #ends = new UnitEnds()
  readonly #held = new GrowingBytes()
  /** Whether nothing but blank lines is held. */
  #holdsBlank = true
  #long: LongEvent | undefined
  #hasUnit = false
  #hasEvent = false
  /** Whether the last unit was not passed on. */
  #isHidden = false
  begun = false
  outputBytes = 0
  unsent: Buffer | undefined

  constructor(kind: StreamKind) {
    this.#kind = kind
  }

  get usage(): Usage | undefined {
    return this.#kind.usage
  }

  push(chunk: Buffer): Buffer | undefined {
    const passed = this.#isPlain(chunk) ? chunk : this.#pushUnits(chunk)
    this.begun = this.#hasUnit
    return passed
  }

  end(): Buffer | undefined {
    if (this.#long !== undefined) throw brokenOff()
    const rest = this.#takeHeld()
    if (firstOf(rest) !== undefined && firstOf(rest) !== colon) this.#takeRest(rest)
    if (!this.#hasEvent) throw new GatewayError('upstream_empty_response')
    if (this.#kind.tellsEnd && !this.#kind.isOver) throw brokenOff()
    return rest.length > 0 ? rest : undefined
  }

  /** The common case: whole events, and nothing notable in them. */
  #isPlain(chunk: Buffer): boolean {
    if (!this.#ends.isAtStart || this.#held.length > 0) return false
    if (!beginsWithField(chunk) || !endsWithEvent(chunk)) return false
    const text = chunk.toString('latin1')
    if (this.#kind.notable.test(text)) return false
    this.#ends.passedWhole()
    this.#hasUnit = true
    this.#hasEvent = true
    this.#takePlain(text)
    return true
  }

  #pushUnits(chunk: Buffer): Buffer | undefined {
    const passed = new PassedBytes(chunk)
    let from = 0
    try {
      for (;;) {
        const end = this.#ends.next(chunk, from)
        if (end === -1) break
        this.#pushUnit(chunk, from, end, passed)
        from = end
      }
      if (from < chunk.length) this.#pushBeginning(chunk, from, passed)
    } catch (error) {
      this.unsent = passed.join()
      throw error
    }
    return passed.join()
  }

  /** Takes what completes a unit. */
  #pushUnit(chunk: Buffer, from: number, end: number, passed: PassedBytes): void {
    const part = chunk.subarray(from, end)
    if (this.#long !== undefined) {
      this.#long.push(part)
      this.#takeLong(this.#long)
      this.#long = undefined
      passed.addPart(from, end)
      return
    }
    // Blank lines decide nothing: they wait for what comes behind them.
    if (!this.#hasUnit && this.#holdsBlank && firstOf(part) === undefined && this.#fits(part)) {
      this.#held.push(part)
      return
    }
    const held = this.#takeHeld()
    const unit = held.length === 0 ? part : Buffer.concat([held, part])
    const isHidden = this.#ends.isOtherHalf ? this.#isHidden : !this.#takeUnit(unit)
    this.#isHidden = isHidden
    if (isHidden) return
    if (held.length === 0) passed.addPart(from, end)
    else passed.addHeld(unit, end)
  }

  /** Takes the beginning of a unit, or what goes on with one and does not complete it. */
  #pushBeginning(chunk: Buffer, from: number, passed: PassedBytes): void {
    const part = chunk.subarray(from)
    if (this.#long !== undefined) {
      this.#long.push(part)
      passed.addPart(from, chunk.length)
      return
    }
    if (this.#fits(part)) {
      this.#holdsBlank &&= firstOf(part) === undefined
      this.#held.push(part)
      return
    }
    const held = this.#takeHeld()
    const long = new LongEvent()
    long.push(held)
    long.push(part)
    this.#refuseFailure(long)
    this.#long = long
    this.#hasUnit = true
    if (held.length > 0) passed.addHeld(held, from)
    passed.addPart(from, chunk.length)
  }

  #fits(part: Buffer): boolean {
    return this.#held.length + part.length <= mostHeldBytes
  }

  #takeHeld(): Buffer {
    this.#holdsBlank = true
    return this.#held.take()
  }

  /** Takes note of a whole unit. False: it is not for the client. */
  #takeUnit(unit: Buffer): boolean {
    const first = firstOf(unit)
    this.#hasUnit = true
    if (first === undefined || first === colon) return true
    if (unit.length > mostHeldBytes) {
      const long = new LongEvent()
      long.push(unit)
      this.#takeLong(long)
      return true
    }
    this.#hasEvent = true
    const text = unit.toString('latin1')
    if (this.#kind.notable.test(text)) return this.#takeNotable(text)
    this.#takePlain(text)
    return true
  }

  #takePlain(text: string): void {
    this.#kind.glance?.(text)
    this.outputBytes += outputBytesIn(text, this.#kind.outputText)
  }

  #takeNotable(text: string): boolean {
    this.outputBytes += outputBytesIn(text, this.#kind.outputText)
    const { name, data } = eventFields(text)
    const value = data?.trim()
    if (value === '[DONE]') {
      this.#kind.takeDone()
      return true
    }
    // A heartbeat, of which clients take no notice.
    if ((value === undefined || value === '') && name !== 'error') return true
    return this.#takeData(name, parsed(value))
  }

  #takeLong(long: LongEvent): void {
    if (long.isComment) return
    this.#hasEvent = true
    this.#takeData(long.name, long.data())
  }

  #takeData(name: string | undefined, data: unknown): boolean {
    if (!isObject(data) && name !== 'error') throw notJson()
    const event = { name, data: isObject(data) ? data : {} }
    const failure = this.#kind.failureIn(event)
    if (failure !== undefined) throw failure
    return this.#kind.take(event)
  }

  /** Refuses a long event that has told its error already. */
  #refuseFailure(long: LongEvent): void {
    const data = long.dataSoFar()
    const failure = this.#kind.failureIn({ name: long.name, data: isObject(data) ? data : {} })
    if (failure !== undefined) throw failure
  }

  /** Takes an event without the blank line behind it: some streams stop so, with their `[DONE]`. */
  #takeRest(rest: Buffer): void {
    if (!this.#kind.tellsEnd) throw brokenOff()
    this.#hasEvent = true
    try {
      this.#takeNotable(rest.toString('latin1'))
    } catch (error) {
      throw GatewayError.is(error) && error.condition === 'upstream_bad_response'
        ? brokenOff()
        : error
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function notJson(): GatewayError {
  const cause = new Error('an event of the stream is not JSON')
  return new GatewayError('upstream_bad_response', { cause })
}

function brokenOff(): GatewayError {
  const cause = new Error('the event stream stopped before its end')
  return new GatewayError('upstream_read_failed', { cause })
}
