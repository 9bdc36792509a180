import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { createGateway, NodeExchange, type LoggedError } from '@lazu/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

class EmptyExchange extends NodeExchange {
  override body(): unknown {
    return undefined
  }
}

function exchange(): EmptyExchange {
  const request = new IncomingMessage(new Socket())
  return new EmptyExchange(request, new ServerResponse(request), '/')
}

/** What a logger is given of an error. */
function logged(error: unknown): LoggedError | undefined {
  let found: LoggedError | undefined
  const logger = {
    error: (fields: { err?: LoggedError }) => void (found = fields.err),
    warn: () => {},
  }
  const reporting = exchange()
  void createGateway({ logger }).pipeline.enter(reporting, 'head')
  reporting.report('it failed', error)
  return found
}

/** What is written to stderr of an error. */
function printed(error: unknown): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  exchange().report('it failed', error)
  return write.mock.calls.map(([text]) => String(text)).join('')
}

const secret = 'sk-lazu-abcdefghijklmnopqrstuvwxyz'

function wrapped(): Error {
  const driver = new TypeError(`disk full, key ${secret}`)
  return new Error('not written', { cause: new Error('store failed', { cause: driver }) })
}

describe('the causes of an error in the log', () => {
  it('are there, each with what led to it and without secrets', () => {
    expect(logged(wrapped())).toMatchObject({
      message: 'not written',
      cause: {
        message: 'store failed',
        cause: { type: 'TypeError', message: 'disk full, key [redacted]' },
      },
    })
    expect(JSON.stringify(logged(wrapped()))).not.toContain(secret)
  })

  it('are not there when there is none', () => {
    expect(logged(new Error('alone'))).not.toHaveProperty('cause')
    expect(logged(new Error('of nothing', { cause: null }))).not.toHaveProperty('cause')
    expect(logged('a text')).not.toHaveProperty('cause')
  })

  it('are three at most, also where they go in a circle', () => {
    let deep = new Error('0')
    for (let depth = 1; depth <= 10; depth++) deep = new Error(String(depth), { cause: deep })
    const third = logged(deep)?.cause?.cause?.cause
    expect(third?.message).toBe('7')
    expect(third).not.toHaveProperty('cause')

    const circle = new Error('circle')
    circle.cause = circle
    expect(logged(circle)?.cause?.cause?.cause).toMatchObject({ message: 'circle' })
    expect(logged(circle)?.cause?.cause?.cause).not.toHaveProperty('cause')
  })

  it('take nothing from an error when they are no errors, or cannot be read', () => {
    const text = new Error('outer', { cause: `Bearer ${secret}` })
    expect(logged(text)?.cause).toMatchObject({ type: 'string', message: 'Bearer [redacted]' })
    const trap = new Error('outer')
    Object.defineProperty(trap, 'cause', {
      get: () => {
        throw new Error('trap')
      },
    })
    expect(logged(trap)).toMatchObject({ message: 'outer' })
    expect(logged(trap)).not.toHaveProperty('cause')
  })

  it('are printed one after the other where there is no logger', () => {
    const lines = printed(wrapped()).split('\n')
    const texts = lines.filter((line) => !line.startsWith('    at '))
    expect(texts.slice(1)).toEqual([
      'Error: not written',
      'caused by Error: store failed',
      'caused by TypeError: disk full, key [redacted]',
      '',
    ])
    expect(texts[0]).toContain('it failed')
  })
})
