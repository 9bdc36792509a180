import type { Server } from 'node:http'
import { closeOnSignal } from './close-on-signal.js'
import { provideKeys } from './demo-keys.js'
import { greeting } from './greeting.js'
import { lazuCommand } from './lazu-command.js'
import { portFrom } from './port.js'
import { openGateway, type StoredGateway } from './stored-gateway.js'

/**
 * Makes a server of a gateway's options, and resolves when it listens.
 *
 * @param port 0: any that is free
 * @param host this machine's 127.0.0.1 unless given
 */
export type Serve = (
  gateway: Pick<StoredGateway, 'options'> & Partial<Pick<StoredGateway, 'upstream'>>,
  port: number,
  host?: string,
) => Promise<Server>

/** One of the examples. */
export interface Example {
  /** The framework's name. */
  readonly framework: string
  /** The example's own folder, with a slash at its end. */
  readonly folder: URL
  readonly serve: Serve
}

/** The address of a server that listens. */
export function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}

/**
 * Runs an example: serves on the port in PORT, or 3000, with the keys and balances of the start
 * before, and prints what to try on it. Ends the process when it cannot.
 */
export async function run(example: Example): Promise<void> {
  try {
    console.log(await start(example))
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}

/** Starts an example. Gives what is to be told of it. */
async function start({ framework, folder, serve }: Example): Promise<string> {
  const port = portFrom(process.env)
  const gateway = openGateway(folder)
  const { file, ledger, upstream } = gateway
  const server = await listen(() => serve(gateway, port), port)
  closeOnSignal(server, gateway.close)
  // Not before it listens: keys are shown once, and to nobody when the port cannot be had.
  const keys = await provideKeys(gateway.keys, ledger)
  const available = new Map<string, number>()
  for (const { record } of [keys.good, keys.poor]) {
    available.set(record.account, (await ledger.balance(record.account)).available)
  }
  const command = (rest: string): string => lazuCommand(folder, file, rest)
  const models = upstream?.models
  return greeting({ framework, url: urlOf(server), file, keys, available, command, models })
}

async function listen(serve: () => Promise<Server>, port: number): Promise<Server> {
  try {
    return await serve()
  } catch (cause) {
    throw new Error(problemOf(cause, port), { cause })
  }
}

function problemOf(error: unknown, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return `Port ${port} is taken. Choose another one, or 0 for any: PORT=0 npm start`
  }
  if (code === 'EACCES') return `Port ${port} is not for everybody. Choose one above 1023.`
  return `The server could not be started: ${String(error)}`
}
