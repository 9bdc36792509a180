import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  conditions,
  formatError,
  GatewayError,
  isCondition,
  lazuDialect,
  withRetry,
  type Condition,
  type GatewayErrorOptions,
  type RetryNotice,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'

const random = (): number => 0.5

/** A clock that a wait moves on by itself, and what was waited for. */
function hurried(): {
  readonly clock: FakeClock
  readonly notices: RetryNotice[]
  readonly options: { clock: FakeClock; random: () => number; onRetry: (n: RetryNotice) => void }
} {
  const clock = new FakeClock()
  const notices: RetryNotice[] = []
  const onRetry = (notice: RetryNotice): void => {
    notices.push(notice)
    // The wait begins after this.
    queueMicrotask(() => clock.advance(notice.delayMs))
  }
  return { clock, notices, options: { clock, random, onRetry } }
}

/** A call that does the next of these each time: throws an error, returns anything else. */
function calls(...outcomes: readonly unknown[]): {
  readonly attempts: number[]
  readonly call: (attempt: number) => Promise<unknown>
} {
  const attempts: number[] = []
  return {
    attempts,
    call: async (attempt) => {
      const outcome = outcomes[attempts.length]
      attempts.push(attempt)
      if (outcome instanceof Error) throw outcome
      return outcome
    },
  }
}

const overloaded = new GatewayError('gateway_overloaded', { retryAfterMs: 2000 })

/** Everything that is ready to happen has happened. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

function json(status: number, error: object, headers: Record<string, string> = {}): Response {
  return Response.json({ error }, { status, headers })
}

/** A body that never ends, and whether somebody cancelled it. */
function endless(): { readonly stream: ReadableStream<Uint8Array>; cancelled: boolean } {
  const state = {
    cancelled: false,
    stream: new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"error":')),
      cancel: () => {
        state.cancelled = true
      },
    }),
  }
  return state
}

/** A server that runs until the test is over. Returns its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}/`
}

describe('withRetry', () => {
  it('returns what the call returns', async () => {
    const { options, notices } = hurried()
    const { call, attempts } = calls('done')
    await expect(withRetry(call, options)).resolves.toBe('done')
    await expect(withRetry(() => 7)).resolves.toBe(7)
    expect(attempts).toEqual([1])
    expect(notices).toEqual([])
  })

  it('calls again when the time is over, and not before', async () => {
    const clock = new FakeClock()
    const { call, attempts } = calls(overloaded, 'done')
    const result = withRetry(call, { clock, random })
    await settled()
    clock.advance(1999)
    await settled()
    expect(attempts).toEqual([1])
    clock.advance(1)
    await expect(result).resolves.toBe('done')
    expect(attempts).toEqual([1, 2])
    expect(clock.waiting).toBe(0)
  })

  it('tells of each wait', async () => {
    const { options, notices } = hurried()
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    await withRetry(calls(overloaded, reset, 'done').call, options)
    expect(notices).toEqual([
      { attempt: 1, delayMs: 2000, error: overloaded },
      { attempt: 2, delayMs: 1000, error: reset },
    ])
  })

  it('throws the last error after three tries', async () => {
    const { options, notices } = hurried()
    const last = new GatewayError('upstream_timeout')
    const { call, attempts } = calls(overloaded, overloaded, last)
    await expect(withRetry(call, options)).rejects.toBe(last)
    expect(attempts).toEqual([1, 2, 3])
    expect(notices).toHaveLength(2)
  })

  it('throws at once what must not be tried again, thrown in whatever way', async () => {
    const { options } = hurried()
    const bug = new TypeError('x is not a function')
    const { call, attempts } = calls(bug)
    await expect(withRetry(call, options)).rejects.toBe(bug)
    expect(attempts).toEqual([1])
    const thrower = (): never => {
      throw bug
    }
    await expect(withRetry(thrower, options)).rejects.toBe(bug)
  })

  it('tries a lost race once more', async () => {
    const { options } = hurried()
    const race = new GatewayError('quota_conflict')
    const { call, attempts } = calls(race, race, 'never reached')
    await expect(withRetry(call, options)).rejects.toBe(race)
    expect(attempts).toEqual([1, 2])
  })

  it('ends with what onRetry throws', async () => {
    const { call, attempts } = calls(overloaded, 'never reached')
    const enough = new Error('enough')
    const onRetry = (): never => {
      throw enough
    }
    await expect(withRetry(call, { onRetry })).rejects.toBe(enough)
    expect(attempts).toEqual([1])
  })

  it('calls at most three times, whatever comes back', async () => {
    const outcome = fc.oneof(
      fc
        .constantFrom(...Object.keys(conditions).filter((name) => isCondition(name)))
        .map((name) => new GatewayError(name)),
      fc.integer({ min: 200, max: 599 }).map((status) => new Response(null, { status })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(outcome, { minLength: 4, maxLength: 4 }), async (outcomes) => {
        const { options, notices, clock } = hurried()
        const { call, attempts } = calls(...outcomes)
        await withRetry(call, options).catch(() => {})
        expect(attempts.length).toBeLessThanOrEqual(3)
        expect(notices).toHaveLength(attempts.length - 1)
        expect(clock.waiting).toBe(0)
      }),
    )
  })
})

describe('a Response', () => {
  it('that is ok is returned', async () => {
    const ok = endless()
    const response = new Response(ok.stream)
    await expect(withRetry(() => response)).resolves.toBe(response)
    expect(ok.cancelled).toBe(false)
  })

  it('that may be tried again is, and its body is cancelled', async () => {
    const { options, notices } = hurried()
    const body = endless()
    const bad = new Response(body.stream, { status: 503, headers: { 'retry-after': '2' } })
    const good = new Response('fine')
    await expect(withRetry(calls(bad, good).call, options)).resolves.toBe(good)
    expect(notices).toEqual([{ attempt: 1, delayMs: 2000, error: bad }])
    expect(body.cancelled).toBe(true)
  })

  it('without a body is tried again too', async () => {
    const { options } = hurried()
    const { call } = calls(new Response(null, { status: 503 }), 'done')
    await expect(withRetry(call, options)).resolves.toBe('done')
  })

  it('counts the same when it is thrown', async () => {
    const { options } = hurried()
    const body = endless()
    const bad = new Response(body.stream, { status: 503 })
    const last = new Response(null, { status: 404 })
    let attempts = 0
    const call = (): never => {
      // oxlint-disable-next-line typescript/only-throw-error -- what some clients do
      throw ++attempts === 1 ? bad : last
    }
    await expect(withRetry(call, options)).rejects.toBe(last)
    expect(body.cancelled).toBe(true)
  })

  it('is returned as it is on the last try, and when it must not be tried again', async () => {
    for (const status of [503, 404]) {
      const { options } = hurried()
      const last = json(status, { code: 'some_code' })
      const { call } = calls(...(status === 503 ? [json(503, {}), json(503, {}), last] : [last]))
      await expect(withRetry(call, options)).resolves.toBe(last)
      await expect(last.json()).resolves.toEqual({ error: { code: 'some_code' } })
    }
  })

  it('that is returned anyway is not read first', async () => {
    const { options, clock } = hurried()
    const headers = { 'content-type': 'application/json' }
    const response = new Response(endless().stream, { status: 404, headers })
    await expect(withRetry(() => response, options)).resolves.toBe(response)
    expect(clock.waiting).toBe(0)
  })

  it('is read up to a length', async () => {
    const { options } = hurried()
    let sent = 0
    const long = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if ((sent += 1000) > 1e6) controller.close()
        else controller.enqueue(new Uint8Array(1000))
      },
    })
    const headers = { 'content-type': 'application/json' }
    const response = new Response(long, { status: 503, headers })
    await expect(withRetry(calls(response, 'done').call, options)).resolves.toBe('done')
    expect(sent).toBeLessThan(100_000)
  })

  it('is tried once more when its body tells of a lost race, and can be read then', async () => {
    const { options } = hurried()
    const race = { code: 'pre_consume_token_quota_failed' }
    const second = json(500, race)
    const { call, attempts } = calls(json(500, race), second, 'never reached')
    await expect(withRetry(call, options)).resolves.toBe(second)
    expect(attempts).toEqual([1, 2])
    await expect(second.json()).resolves.toEqual({ error: race })
  })

  it('is not tried again when its body says no', async () => {
    const { options } = hurried()
    const no = json(503, { code: 'all_channels_failed', retryable: false })
    await expect(withRetry(calls(no, 'never reached').call, options)).resolves.toBe(no)
  })

  it('is judged by its head when its body does not end within a second', async () => {
    const clock = new FakeClock()
    const body = endless()
    const headers = { 'content-type': 'application/json', 'retry-after': '2' }
    const slow = new Response(body.stream, { status: 503, headers })
    const { call, attempts } = calls(slow, 'done')
    const result = withRetry(call, { clock, random })
    await settled()
    clock.advance(1000)
    await settled()
    expect(body.cancelled).toBe(true)
    clock.advance(1999)
    await settled()
    expect(attempts).toEqual([1])
    clock.advance(1)
    await expect(result).resolves.toBe('done')
    expect(clock.waiting).toBe(0)
  })

  it('is judged by its head when its body is long, broken, read already or no JSON', async () => {
    const headers = { 'content-type': 'application/json' }
    const read = json(503, { retryable: false })
    await read.text()
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error('no')) })
    for (const response of [
      json(503, { retryable: false, padding: 'x'.repeat(70_000) }),
      new Response(broken, { status: 503, headers }),
      new Response('{"error":{"retryable":false', { status: 503, headers }),
      new Response('{"error":{"retryable":false}}', { status: 503 }),
      read,
    ]) {
      const { options } = hurried()
      await expect(withRetry(calls(response, 'done').call, options)).resolves.toBe('done')
    }
  })

  it('of another kind than fetch’s is a value like any other', async () => {
    const other = { status: 503, ok: false, body: null }
    await expect(withRetry(() => other)).resolves.toBe(other)
  })
})

describe('the signal', () => {
  const enough = new Error('enough')

  it('ends the wait at once, with its reason', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const { call, attempts } = calls(overloaded, 'never reached')
    const result = withRetry(call, { clock, random, signal: controller.signal })
    await settled()
    expect(clock.waiting).toBe(1)
    controller.abort(enough)
    await expect(result).rejects.toBe(enough)
    expect(clock.waiting).toBe(0)
    expect(attempts).toEqual([1])
  })

  it('lets nothing begin once it is aborted', async () => {
    const { call, attempts } = calls('never reached')
    await expect(withRetry(call, { signal: AbortSignal.abort(enough) })).rejects.toBe(enough)
    expect(attempts).toEqual([])
  })

  it('aborted during the call leaves no wait, and frees the Response', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const body = endless()
    const headers = { 'content-type': 'application/json' }
    const call = (): Response => {
      controller.abort(enough)
      return new Response(body.stream, { status: 503, headers })
    }
    await expect(withRetry(call, { clock, signal: controller.signal })).rejects.toBe(enough)
    expect(clock.waiting).toBe(0)
    expect(body.cancelled).toBe(true)
  })

  it('ends the look into a body too', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const body = endless()
    const headers = { 'content-type': 'application/json' }
    const call = (): Response => new Response(body.stream, { status: 503, headers })
    const result = withRetry(call, { clock, signal: controller.signal })
    await settled()
    controller.abort(enough)
    await expect(result).rejects.toBe(enough)
    expect(clock.waiting).toBe(0)
    expect(body.cancelled).toBe(true)
  })

  it('that is never aborted is left without listeners', async () => {
    const { options } = hurried()
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>): void => {
      listeners++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>): void => {
      listeners--
      remove(...given)
    }
    await withRetry(calls(overloaded, json(503, {}), 'done').call, { ...options, signal })
    expect(listeners).toBe(0)
  })
})

describe('both ends', () => {
  const rows: readonly (readonly [Condition, GatewayErrorOptions])[] = [
    ...Object.keys(conditions)
      .filter((name) => isCondition(name))
      .map((name) => [name, {}] as const),
    ['request_rate_limited', { retryAfterMs: 1234.5 }],
    ['request_rate_limited', { retryAfterMs: 61_000 }],
    ['gateway_overloaded', { retryAfterMs: 1500 }],
    ['upstream_rejected', { details: { status_code: 404 } }],
    ['upstream_rejected', { details: { status_code: 409 } }],
    ['upstream_rejected', { details: { status_code: 429 } }],
    ['upstream_rejected', { details: { status_code: 500 } }],
  ]

  it.each(rows)('agree on %s %j', async (condition, options) => {
    const error = new GatewayError(condition, options)
    const here = hurried()
    await withRetry(calls(error, error, error).call, here.options).catch(() => {})

    const { status, headers, body } = formatError(error, { dialect: lazuDialect, requestId: 'r' })
    const there = hurried()
    const response = (): Response => new Response(body, { status, headers })
    await withRetry(calls(response(), response(), response()).call, there.options)

    expect(there.notices.map(({ delayMs }) => delayMs)).toEqual(
      here.notices.map(({ delayMs }) => delayMs),
    )
  })
})

describe('with a server and the machine’s clock', () => {
  it('fetches again, and gives back the connection of an answer that never ends', async () => {
    let requests = 0
    let closed: Promise<unknown> | undefined
    const url = await serve((_request, response) => {
      if (++requests > 1) {
        response.end('fine')
        return
      }
      closed = once(response, 'close')
      response.writeHead(503, { 'retry-after-ms': '0' })
      response.write('and so on')
    })
    const response = await withRetry(() => fetch(url))
    await expect(response.text()).resolves.toBe('fine')
    expect(requests).toBe(2)
    await closed
  })

  it('reads the code of an error and leaves it to be read', async () => {
    let requests = 0
    const text = '{"error":{"code":"pre_consume_token_quota_failed"}}'
    const url = await serve((_request, response) => {
      requests++
      response.writeHead(500, { 'content-type': 'application/json', 'retry-after-ms': '0' })
      response.end(text)
    })
    const response = await withRetry(() => fetch(url))
    await expect(response.text()).resolves.toBe(text)
    expect(requests).toBe(2)
  })

  it('keeps a process alive that only waits', async () => {
    const program = `
      import { GatewayError, withRetry } from '@lazu/core'
      const overloaded = new GatewayError('gateway_overloaded', { retryAfterMs: 50 })
      console.log(await withRetry((attempt) => {
        if (attempt === 1) throw overloaded
        return 'done'
      }))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { cwd: fileURLToPath(new URL('..', import.meta.url)) },
    )
    expect(stdout).toBe('done\n')
  })
})
