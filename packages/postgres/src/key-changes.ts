import { Listener } from './listener.js'
import { decodeText } from './text.js'

type Changed = (keyId: string | undefined) => void

/** Tells whoever watches of keys that were changed. It listens only while somebody watches. */
export class KeyChanges {
  readonly #options: object
  readonly #channel: string
  readonly #watchers = new Set<Changed>()
  #listener: Listener | undefined

  /** @param options how to connect */
  constructor(options: object, schema: string) {
    this.#options = options
    this.#channel = `lazu_keys_${schema}`
  }

  /** See `PostgresKeyStore.watch`. */
  watch(changed: Changed): () => void {
    const watcher: Changed = (keyId) => changed(keyId)
    this.#watchers.add(watcher)
    this.#listener ??= new Listener(this.#options, this.#channel, (payload) => this.#tell(payload))
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#stop()
    }
  }

  /** Tells nobody anything more. */
  close(): void {
    this.#watchers.clear()
    this.#stop()
  }

  #stop(): void {
    this.#listener?.stop()
    this.#listener = undefined
  }

  #tell(payload: string | undefined): void {
    // An id that is too long to be told leaves the payload empty.
    const keyId = payload === undefined || payload === '' ? undefined : decodeText(payload)
    for (const watcher of this.#watchers) watcher(keyId)
  }
}
