import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeys, usd, type GatewayOptions, type Keys } from '@lazu/core'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/express'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { listening } from '@lazu/testkit'
import express, { type Express } from 'express'
import type { LazuConfig } from 'lazu'
import { onTestFinished } from 'vitest'
import { gateway, type Ran } from './command.js'

/** The route every test looks at. */
export const chat = 'POST /v1/chat/completions'

/** What a server and its configuration share. */
export interface Shared {
  readonly store: SqliteStore
  /** The file they are in. */
  readonly path: string
  readonly keys: Keys
  /** A key that works. */
  readonly apiKey: string
  /** Options without a mistake. */
  readonly options: GatewayOptions
}

/** Stores in a file of their own, a key in them, and options without a mistake. */
export async function share(): Promise<Shared> {
  const folder = await mkdtemp(join(tmpdir(), 'lazu-doctor-'))
  const path = join(folder, 'lazu.db')
  const store = sqliteStore({ path })
  onTestFinished(async () => {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  })
  const keys = createKeys({ store: store.keys })
  const { key } = await keys.create({ account: 'acme', name: 'doctor' })
  const options: GatewayOptions = {
    keys,
    ledger: store.ledger,
    requestLog: store.requestLog,
    models: ['gpt-5'],
    prices: { 'gpt-5': { input: usd(1.25), output: usd(10) } },
    limits: { rpm: 600 },
    timeout: '30s',
    logger: { error: () => undefined, warn: () => undefined },
  }
  return { store, path, keys, apiKey: key, options }
}

/** A server without a mistake. */
export function soundApp(options: GatewayOptions): Express {
  const app = express()
  const { admit, meter } = lazu(options)
  app.use('/v1', admit, express.json(), meter)
  app.post('/v1/chat/completions', (_request, response) => void response.json({ served: true }))
  app.use(lazuNotFound(), lazuErrors())
  return app
}

/** Serves on a port of this machine until the test is over. Gives the url. */
export async function serve(handler: RequestListener): Promise<string> {
  const server = await listening(createServer(handler).listen(0, '127.0.0.1'))
  onTestFinished(() => server.close())
  return server.url
}

/** One thing the doctor found, as `--json` tells it. */
export interface Told {
  readonly code: string
  readonly title: string
  readonly level: 'ok' | 'warning' | 'mistake' | 'not_checked'
  readonly found: string
  readonly mend?: string
  readonly route?: string
  readonly facts?: Readonly<Record<string, unknown>>
}

/** What the doctor found, and how the command ended. */
export interface Examined {
  readonly code: number
  readonly lines: readonly Told[]
  /** What it found of one check. */
  readonly of: (code: string) => readonly Told[]
  /** The codes of all mistakes, or of all warnings. */
  readonly codes: (level: Told['level']) => readonly string[]
}

/** Runs the doctor on a configuration, for programs. */
export async function doctor(
  config: LazuConfig,
  { argv = [], apiKey }: { readonly argv?: readonly string[]; readonly apiKey?: string } = {},
): Promise<Examined> {
  const { code, stdout, stderr } = await doctorText(config, {
    argv: ['--json', ...argv],
    ...(apiKey === undefined ? {} : { apiKey }),
  })
  if (stderr !== '') throw new Error(stderr)
  const lines: readonly Told[] = JSON.parse(stdout)
  return {
    code,
    lines,
    of: (wanted) => lines.filter((line) => line.code === `LAZU_DOCTOR_${wanted}`),
    codes: (level) =>
      lines.flatMap((line) => (line.level === level ? line.code.replace('LAZU_DOCTOR_', '') : [])),
  }
}

/** Runs the doctor on a configuration, for people. */
export async function doctorText(
  config: LazuConfig,
  { argv = [], apiKey }: { readonly argv?: readonly string[]; readonly apiKey?: string } = {},
): Promise<Ran> {
  const { lazu: run } = await gateway({ config })
  return run(['doctor', ...argv], apiKey === undefined ? {} : { env: { LAZU_KEY: apiKey } })
}
