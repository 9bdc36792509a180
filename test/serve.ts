import type { App, Harness, RunningApp } from '@lazu/testkit'
import { onTestFinished } from 'vitest'

/** Starts an app that is closed when the test is over. */
export async function serve(harness: Harness, app: App): Promise<RunningApp> {
  const server = await harness.start(app)
  onTestFinished(() => server.close())
  return server
}
