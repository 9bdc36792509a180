import autocannon from 'autocannon'
import { host } from '../servers/serve.js'
import { connections, type Load, type Loaded } from './load.js'
import { Times } from './times.js'

/** As many calls as the server takes, by autocannon. */
export function loadWithAutocannon(load: Load): Promise<Loaded> {
  const times = new Times(load.status)
  const options = {
    url: `http://${host}:${load.port}${load.path}`,
    method: 'POST',
    headers: { ...load.headers },
    body: load.body,
    connections,
    duration: load.seconds,
    // It ends with a sample only, and takes one a second unless told.
    sampleInt: 50,
  } as const
  return new Promise((resolve, reject) => {
    const running = autocannon(options, (error: Error | null, result) => {
      if (error !== null) reject(error)
      else if (result.errors > 0) reject(new Error(`${result.errors} calls without an answer`))
      else resolve(times.sum())
    })
    // Its own statistics are in whole milliseconds.
    running.on('response', (_client, status, _bytes, tookMs) => times.add(status, tookMs))
  })
}
