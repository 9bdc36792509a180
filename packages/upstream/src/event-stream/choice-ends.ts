/** The most choices a completion can have, as OpenAI has it. */
const mostChoices = 128

/** Which choices of a completion were seen, and which of them have ended. */
export class ChoiceEnds {
  readonly #unended = new Set<number>()
  readonly #ended = new Set<number>()
  #areTooMany = false

  /** Whether there was a choice, and all there were have ended. Of too many nobody can tell. */
  get areAllOver(): boolean {
    return this.#ended.size > 0 && this.#unended.size === 0 && !this.#areTooMany
  }

  /** Takes note of a choice. One that has ended may be told of again. */
  see(index: number): void {
    if (this.#ended.has(index) || this.#unended.has(index)) return
    if (this.#ended.size + this.#unended.size === mostChoices) this.#areTooMany = true
    else this.#unended.add(index)
  }

  /** Takes note of a choice's end. */
  end(index: number): void {
    this.see(index)
    if (this.#unended.delete(index)) this.#ended.add(index)
  }
}
