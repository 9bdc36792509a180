import { ownField, readUsage, type Usage } from '@lazu/core'

/** The usage of a whole message of Anthropic's. */
export function usageOfMessage(message: unknown): Usage | undefined {
  return readUsage(ownField(message, 'usage'))
}

/**
 * The usage of a message that comes in a stream: the first event tells the input, a later one all that
 * was written, and of the input what has changed.
 */
export class MessageUsage {
  #told: object = {}
  #isFinal = false

  /** Takes what `message_start` says. */
  begin(usage: unknown): void {
    this.#add(usage)
  }

  /** Takes what `message_delta` says. */
  complete(usage: unknown): void {
    if (this.#add(usage)) this.#isFinal = true
  }

  /** All of it, once the last part was told. */
  get final(): Usage | undefined {
    return this.#isFinal ? readUsage(this.#told) : undefined
  }

  #add(usage: unknown): boolean {
    if (typeof usage !== 'object' || usage === null) return false
    const said = Object.entries(usage).filter(([, value]) => value !== null)
    this.#told = { ...this.#told, ...Object.fromEntries(said) }
    return true
  }
}
