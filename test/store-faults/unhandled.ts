import { onTestFinished } from 'vitest'

/** The rejections nobody handles from now on, until the test is over. */
export function collectUnhandled(): readonly unknown[] {
  const unhandled: unknown[] = []
  const collect = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', collect)
  onTestFinished(() => void process.off('unhandledRejection', collect))
  return unhandled
}
