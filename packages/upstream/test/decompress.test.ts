import { brotliCompressSync, createGzip, deflateSync, gzipSync } from 'node:zlib'
import type { GatewayError } from '@lazu/core'
import { assert, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDecompressor, type Decompressor } from '../dist/decompress.js'

/** A decompressor, and what came out of it. */
class Decompressed {
  readonly decompressor: Decompressor
  readonly chunks: Buffer[] = []
  bytes = 0
  hasEnded = false
  errors: GatewayError[] = []

  constructor(coding: string) {
    const decompressor = createDecompressor(coding, {
      onChunk: (chunk) => {
        this.bytes += chunk.length
        this.chunks.push(chunk)
      },
      onEnd: () => (this.hasEnded = true),
      onError: (error) => void this.errors.push(error),
    })
    assert(decompressor !== undefined)
    this.decompressor = decompressor
    onTestFinished(() => decompressor.destroy())
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  async settled(): Promise<void> {
    await vi.waitFor(() => assert(this.hasEnded || this.errors.length > 0), 15_000)
  }
}

const codings = [
  ['gzip', gzipSync],
  ['X-GZip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
] as const

describe.each(codings)('an answer in %s', (coding, compress) => {
  it('comes out as it went in, wherever it is cut', async () => {
    const bytes = compress(Buffer.from('{"a": "ü"}'.repeat(1_000)))
    const out = new Decompressed(coding)
    for (const byte of bytes) out.decompressor.push(Buffer.of(byte))
    out.decompressor.end()
    await out.settled()
    expect(out.text === '{"a": "ü"}'.repeat(1_000)).toBe(true)
    expect(out.errors.map(String)).toEqual([])
  })

  it('that stops too early broke off', async () => {
    const out = new Decompressed(coding)
    out.decompressor.push(compress(Buffer.from('{"a":1}'.repeat(100))).subarray(0, -4))
    out.decompressor.end()
    await out.settled()
    expect(out.errors.map(({ condition }) => condition)).toEqual(['upstream_read_failed'])
    expect(out.hasEnded).toBe(false)
  })

  it('that is something else is no answer', async () => {
    const out = new Decompressed(coding)
    out.decompressor.push(Buffer.from('<html>canary-text</html>'))
    out.decompressor.push(Buffer.from('more'))
    out.decompressor.end()
    await out.settled()
    expect(out.errors.map(({ condition }) => condition)).toEqual(['upstream_bad_response'])
    expect(String(out.errors[0]?.cause)).not.toContain('canary')
  })

  it('that is a bomb is given up after little of it', async () => {
    const bomb = compress(Buffer.alloc(16 * 1_048_576))
    const out = new Decompressed(coding)
    out.decompressor.push(bomb)
    await out.settled()
    expect(out.errors.map(({ condition }) => condition)).toEqual(['upstream_bad_response'])
    expect(out.bytes).toBeLessThan(9 * 1_048_576)
  })
})

describe('a decompressor', () => {
  it('gives out what is there before more comes, as event streams need it', async () => {
    const gzip = createGzip()
    const out = new Decompressed('gzip')
    gzip.on('data', (chunk: Buffer) => out.decompressor.push(chunk))
    gzip.write('data: one\n\n')
    gzip.flush()
    await vi.waitFor(() => expect(out.text).toBe('data: one\n\n'))
    gzip.write('data: two\n\n')
    gzip.flush()
    await vi.waitFor(() => expect(out.text).toBe('data: one\n\ndata: two\n\n'))
    gzip.destroy()
  })

  it('lets many equal events through', async () => {
    const events = 'data: {"choices":[{"delta":{"content":" the"}}]}\n\n'.repeat(1_000)
    const gzip = createGzip()
    const out = new Decompressed('gzip')
    gzip.on('data', (chunk: Buffer) => out.decompressor.push(chunk))
    gzip.on('end', () => out.decompressor.end())
    for (let count = 0; count < 100; count++) gzip.write(events)
    gzip.end()
    await out.settled()
    expect(out.errors.map(String)).toEqual([])
    expect(out.bytes).toBe(events.length * 100)
  })

  it('holds back while it is paused, and gives out nothing once it is destroyed', async () => {
    const out = new Decompressed('gzip')
    out.decompressor.pause()
    out.decompressor.push(gzipSync(Buffer.alloc(100_000)))
    await new Promise((resolve) => void setTimeout(resolve, 20))
    expect(out.bytes).toBe(0)
    out.decompressor.resume()
    await vi.waitFor(() => expect(out.bytes).toBe(100_000))
    out.decompressor.destroy()
    out.decompressor.push(Buffer.from('x'))
    out.decompressor.end()
    await new Promise((resolve) => void setTimeout(resolve, 20))
    expect([out.hasEnded, out.errors]).toEqual([false, []])
  })

  it.each(['', 'identity', 'zstd', 'gzip, gzip', 'compress', '__proto__'])(
    'for %j does not exist',
    (coding) => {
      const events = { onChunk: () => {}, onEnd: () => {}, onError: () => {} }
      expect(createDecompressor(coding, events)).toBeUndefined()
    },
  )
})
