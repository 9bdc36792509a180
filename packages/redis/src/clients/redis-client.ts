/** What the ledger needs of a client, whoever made it. */
export interface RedisClient {
  /** Sends a command to the server that has the slot of `key`. */
  send(key: string, args: readonly [command: string, ...args: string[]]): Promise<unknown>
  /** Sends a command to every server that is written to. One answer each. */
  sendToAll(args: readonly [command: string, ...args: string[]]): Promise<readonly unknown[]>
}
