import { once } from 'node:events'
import { createServer, IncomingMessage, request, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  ConfigurationError,
  createFileReferenceCheck,
  defaultFilePurposes,
  defaultFileReferenceOptions,
  filesGuards,
  GatewayError,
  guardPipeline,
  NodeExchange,
  type Condition,
  type FileReference,
  type Reply,
  type Upload,
} from '@lazu/core'
import { listening } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const megabyte = 1_048_576

/** An exchange without a connection, whose body and answer can be seen. */
class SeenExchange extends NodeExchange {
  reply: Reply | undefined
  parsed: unknown
  found: Upload | undefined

  override body(): unknown {
    return this.parsed
  }

  protected override send(reply: Reply): void {
    this.reply = reply
  }

  /** Status, code and param of the answer; undefined when the request went on. */
  get refusal(): unknown {
    if (this.reply === undefined) return undefined
    const { error } = JSON.parse(this.reply.body)
    return [this.reply.status, error.code, error.param]
  }
}

function exchange(method: string, headers: Record<string, string> = {}): SeenExchange {
  const incoming = new IncomingMessage(new Socket())
  incoming.method = method
  incoming.headers = headers
  return new SeenExchange(incoming, new ServerResponse(incoming), '/v1/files')
}

/** What the parser of these tests has found. */
function found(asked: unknown): Upload | undefined {
  return asked instanceof SeenExchange ? asked.found : undefined
}

const gateway = guardPipeline(filesGuards({ purposes: defaultFilePurposes, upload: found }))

/** What becomes of an upload. */
function outcomeOf(
  upload: Upload | undefined,
  headers?: Record<string, string>,
  pipeline = gateway,
): unknown {
  const uploading = exchange('POST', headers)
  uploading.found = upload
  const passed = pipeline.enter(uploading)
  expect(passed).toBe(uploading.reply === undefined)
  return uploading.refusal
}

const png: Upload = { purpose: 'vision', filename: 'cat.png', mediaType: 'image/png', bytes: 1_000 }

describe('before the body is read', () => {
  it.each([
    [String(512 * megabyte + 65_536), undefined],
    [String(512 * megabyte + 65_537), [413, 'file_too_large', 'file']],
    ['9'.repeat(400), [413, 'file_too_large', 'file']],
    ['0', undefined],
  ])('an upload of %s bytes: %j', (length, refusal) => {
    const uploading = exchange('POST', { 'content-length': length })
    expect(gateway.enter(uploading, 'head')).toBe(refusal === undefined)
    expect(uploading.refusal).toEqual(refusal)
  })

  it('an upload that does not announce its length goes on', () => {
    expect(gateway.enter(exchange('POST', { 'transfer-encoding': 'chunked' }), 'head')).toBe(true)
  })

  it('the largest purpose counts, since nobody knows yet which it is', () => {
    const pipeline = guardPipeline(
      filesGuards({ purposes: { small: { maxBytes: 10 }, large: { maxBytes: 1_000_000 } } }),
    )
    const headers = { 'content-length': '1000000' }
    expect(pipeline.enter(exchange('POST', headers), 'head')).toBe(true)
    const parsed = exchange('POST', headers)
    parsed.parsed = { purpose: 'small' }
    expect(pipeline.enter(parsed)).toBe(false)
    expect(parsed.refusal).toEqual([413, 'file_too_large', 'file'])
  })

  it('a server answers an upload of 10 GB at once, and closes the connection', async () => {
    let handled = 0
    const app = await listening(
      createServer((incoming, response) => {
        const uploading = new SentExchange(incoming, response, incoming.url ?? '/')
        if (gateway.enter(uploading, 'head') === true) handled++
      }).listen(0, '127.0.0.1'),
    )
    const upload = request({
      port: app.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { 'content-length': 10_000_000_000 },
    })
    upload.on('error', () => undefined)
    upload.flushHeaders()
    const [response] = await once(upload, 'response')
    const answer = JSON.parse(String(await response.setEncoding('utf8').toArray()))
    upload.destroy()
    await app.close()
    expect(response.statusCode).toBe(413)
    expect(response.headers.connection).toBe('close')
    expect(answer.error).toMatchObject({
      code: 'file_too_large',
      param: 'file',
      message: 'The file is too large. The limit is 512 MB.',
    })
    expect(handled).toBe(0)
  })
})

class SentExchange extends NodeExchange {
  override body(): undefined {
    return undefined
  }
}

describe('an upload', () => {
  it('passes when its purpose takes it', () => {
    expect(outcomeOf(png)).toBeUndefined()
    expect(outcomeOf({ purpose: 'user_data', bytes: 512 * megabyte })).toBeUndefined()
  })

  it.each([
    ['no purpose', { ...png, purpose: undefined }, [400, 'missing_required_parameter', 'purpose']],
    ['null', { ...png, purpose: null }, [400, 'missing_required_parameter', 'purpose']],
    ['an empty purpose', { ...png, purpose: '' }, [400, 'missing_required_parameter', 'purpose']],
    [
      'two purposes',
      { ...png, purpose: ['vision', 'user_data'] },
      [400, 'invalid_request', 'purpose'],
    ],
    ['an object', { ...png, purpose: { toString: 'vision' } }, [400, 'invalid_request', 'purpose']],
    ['batch', { ...png, purpose: 'batch' }, [400, 'purpose_not_supported', 'purpose']],
    ['fine-tune', { ...png, purpose: 'fine-tune' }, [400, 'purpose_not_supported', 'purpose']],
    ['another case', { ...png, purpose: 'Vision' }, [400, 'purpose_not_supported', 'purpose']],
    ['__proto__', { ...png, purpose: '__proto__' }, [400, 'purpose_not_supported', 'purpose']],
    ['toString', { ...png, purpose: 'toString' }, [400, 'purpose_not_supported', 'purpose']],
    ['10 kB', { ...png, purpose: 'x'.repeat(10_000) }, [400, 'purpose_not_supported', 'purpose']],
    ['NUL', { ...png, purpose: 'vision\0' }, [400, 'purpose_not_supported', 'purpose']],
    ['a lone surrogate', { ...png, purpose: '\ud800' }, [400, 'purpose_not_supported', 'purpose']],
    ['no file', undefined, [400, 'missing_required_parameter', 'file']],
  ])('is refused for its purpose: %s', (_, upload, refusal) => {
    expect(outcomeOf(upload)).toEqual(refusal)
  })

  it('is told which purposes there are, and no secret it may have sent', () => {
    const uploading = exchange('POST')
    uploading.found = { ...png, purpose: 'sk-lazu-0123456789abcdef' }
    expect(gateway.enter(uploading)).toBe(false)
    expect(JSON.parse(uploading.reply?.body ?? '').error.message).toBe(
      "The purpose '[redacted]' is not supported. Use 'user_data' or 'vision'.",
    )
  })

  it('is told little about a purpose that is long', () => {
    const uploading = exchange('POST')
    uploading.found = { ...png, purpose: 'x'.repeat(1_000_000) }
    expect(gateway.enter(uploading)).toBe(false)
    expect(uploading.reply?.body.length).toBeLessThan(500)
  })

  it.each([
    [20 * megabyte, undefined],
    [20 * megabyte + 1, [413, 'file_too_large', 'file']],
    [Infinity, [413, 'file_too_large', 'file']],
    [0, undefined],
    [-1, [400, 'invalid_request', 'file']],
    [Number.NaN, [400, 'invalid_request', 'file']],
    ['1', [400, 'invalid_request', 'file']],
  ])('of %s bytes, for images: %j', (bytes, refusal) => {
    expect(outcomeOf({ ...png, bytes })).toEqual(refusal)
  })

  it('of unknown size goes by the length of its request', () => {
    const upload = { ...png, bytes: undefined }
    expect(outcomeOf(upload)).toBeUndefined()
    expect(outcomeOf(upload, { 'content-length': String(20 * megabyte + 65_536) })).toBeUndefined()
    expect(outcomeOf(upload, { 'content-length': String(20 * megabyte + 65_537) })).toEqual([
      413,
      'file_too_large',
      'file',
    ])
  })

  it.each([
    ['image/webp', undefined],
    ['Image/PNG; charset=binary', undefined],
    ['image/svg+xml', [422, 'invalid_request', 'file']],
    ['image/png, text/html', [422, 'invalid_request', 'file']],
    ['application/octet-stream', [422, 'invalid_request', 'file']],
    ['', [422, 'invalid_request', 'file']],
    [undefined, [422, 'invalid_request', 'file']],
    [null, [422, 'invalid_request', 'file']],
    [['image/png'], [422, 'invalid_request', 'file']],
  ])('of the type %j, for images: %j', (mediaType, refusal) => {
    expect(outcomeOf({ ...png, mediaType })).toEqual(refusal)
  })

  const documents = guardPipeline(
    filesGuards({
      purposes: { documents: { maxBytes: 1_000, extensions: ['pdf', 'txt'] } },
      upload: found,
    }),
  )

  it.each([
    ['a.pdf', undefined],
    ['A.B.PDF', undefined],
    ['a.pdf.exe', [422, 'invalid_request', 'file']],
    ['a.pdf\0', [422, 'invalid_request', 'file']],
    ['a.pdf\0.exe', [422, 'invalid_request', 'file']],
    ['a.pdf.', [422, 'invalid_request', 'file']],
    ['a.pdf ', [422, 'invalid_request', 'file']],
    ['a.pdf/b', [422, 'invalid_request', 'file']],
    ['pdf', [422, 'invalid_request', 'file']],
    ['', [422, 'invalid_request', 'file']],
    [`${'.'.repeat(10_000)}exe`, [422, 'invalid_request', 'file']],
    [undefined, [422, 'invalid_request', 'file']],
    [['a.pdf'], [422, 'invalid_request', 'file']],
  ])('with the name %j, for documents: %j', (filename, refusal) => {
    expect(outcomeOf({ purpose: 'documents', filename, bytes: 1 }, {}, documents)).toEqual(refusal)
  })

  it('of any kind passes or is refused with an envelope, and never with a 5xx', () => {
    const anything = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }))
    const upload = fc.record({
      purpose: fc.oneof(anything, fc.constantFrom('vision', 'user_data')),
      filename: anything,
      mediaType: anything,
      bytes: fc.oneof(anything, fc.double()),
    })
    fc.assert(
      fc.property(upload, (sent) => {
        const uploading = exchange('POST')
        uploading.found = sent
        const passed = gateway.enter(uploading)
        const isKnown = sent.purpose === 'vision' || sent.purpose === 'user_data'
        expect(passed && !isKnown).toBe(false)
        expect(passed || Number(uploading.reply?.status) < 500).toBe(true)
      }),
    )
  })

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])('is not looked for in a %s request', (method) => {
    const asking = exchange(method, { 'content-length': '10000000000' })
    expect(gateway.enter(asking)).toBe(true)
  })
})

describe('without a function that says what the parser has found', () => {
  const pipeline = guardPipeline(filesGuards({ purposes: { user_data: { maxBytes: 1_000 } } }))

  function outcomeOfBody(body: unknown): unknown {
    const uploading = exchange('POST')
    uploading.parsed = body
    expect(pipeline.enter(uploading)).toBe(uploading.reply === undefined)
    return uploading.refusal
  }

  it('the purpose is read from the parsed body', () => {
    expect(outcomeOfBody({ purpose: 'user_data' })).toBeUndefined()
    expect(outcomeOfBody({ purpose: 'batch' })).toEqual([400, 'purpose_not_supported', 'purpose'])
  })

  it('a body without a purpose of its own has none', () => {
    const missing = [400, 'missing_required_parameter', 'purpose']
    for (const body of [undefined, null, 'purpose=user_data', [], {}]) {
      expect(outcomeOfBody(body)).toEqual(missing)
    }
    expect(outcomeOfBody(Object.create({ purpose: 'user_data' }))).toEqual(missing)
  })
})

/** The mistake something is refused for when it is built. Options come from JSON, unseen by a compiler. */
function mistakeIn(build: () => unknown): string {
  try {
    build()
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a mistake in the options stops the start', () => {
  it.each([
    [{}, 'LAZU_CONFIG_MISSING_OPTION: filesGuards().purposes is missing'],
    [{ purposes: {} }, 'Name at least one purpose'],
    [{ purposes: { a: {} } }, 'filesGuards().purposes.a.maxBytes is missing'],
    [{ purposes: { a: { maxBytes: 0 } } }, 'filesGuards().purposes.a.maxBytes is 0'],
    [{ purposes: { a: { maxBytes: 0.5 } } }, 'filesGuards().purposes.a.maxBytes is 0.5'],
    [{ purposes: { a: { maxBytes: '1MB' } } }, 'filesGuards().purposes.a.maxBytes is "1MB"'],
    [
      { purposes: { a: { maxBytes: 1, type: [] } } },
      'filesGuards().purposes.a.type is not an option',
    ],
    [
      { purposes: { a: { maxBytes: 1, types: [] } } },
      'filesGuards().purposes.a.types is an empty list',
    ],
    [{ purposes: { a: { maxBytes: 1, types: ['PNG'] } } }, 'Write a media type in lower case'],
    [{ purposes: { a: { maxBytes: 1, extensions: ['.png'] } } }, 'without its dot'],
    [{ purposes: { a: { maxBytes: 1 } }, upload: 1 }, 'filesGuards().upload is 1'],
    [{ purposes: { a: { maxBytes: 1 } }, max: 1 }, 'filesGuards().max is not an option'],
    [
      { purposes: { a: { maxBytes: 1, types: ['image/png'] } } },
      'filesGuards().upload is missing, and the types of "a" need it',
    ],
    [
      { purposes: { a: { maxBytes: 1, extensions: ['png'] } } },
      'filesGuards().upload is missing, and the extensions of "a" need it',
    ],
  ])('%j', (options, mistake) => {
    expect(mistakeIn(() => filesGuards(JSON.parse(JSON.stringify(options))))).toContain(mistake)
  })

  it.each([
    [{ maxTotalBytes: -1 }, 'createFileReferenceCheck().maxTotalBytes is -1'],
    [{ retentionMs: '30d' }, 'createFileReferenceCheck().retentionMs is "30d"'],
    [{ retention: 1 }, 'createFileReferenceCheck().retention is not an option'],
  ])('%j', (options, mistake) => {
    expect(
      mistakeIn(() => createFileReferenceCheck(JSON.parse(JSON.stringify(options)))),
    ).toContain(mistake)
  })
})

describe('files a request refers to', () => {
  const nowMs = Date.UTC(2026, 10, 21)
  const day = 86_400_000
  const mine = { id: 'key_mine' }
  const check = createFileReferenceCheck()

  function reference(changes: object = {}, param?: string): FileReference {
    const file = { bytes: 1_000, keyId: 'key_mine', createdAtMs: nowMs - day, ...changes }
    return { id: 'file-1', param, file }
  }

  /** The refusal of a request that refers to these files: its condition and param. */
  function refusalOf(
    references: readonly FileReference[],
    key: { id: string } | undefined = mine,
    checking = check,
  ): [Condition, string | undefined] | undefined {
    try {
      checking(references, key, nowMs)
      return undefined
    } catch (error) {
      if (error instanceof GatewayError) return [error.condition, error.param]
      throw error
    }
  }

  it('pass when they are there, fresh, its own and small', () => {
    expect(refusalOf([])).toBeUndefined()
    expect(refusalOf([reference(), reference()])).toBeUndefined()
  })

  it('are not found when there are none, or another key has them', () => {
    const param = 'input[0].file_id'
    const none = { id: 'file-1', param, file: undefined }
    expect(refusalOf([reference(), none])).toEqual(['file_not_found', param])
    expect(refusalOf([reference({ keyId: 'key_other' }, param)])).toEqual(['file_not_found', param])
    expect(refusalOf([reference({ keyId: undefined }, param)])).toEqual(['file_not_found', param])
  })

  function wordsFor(file: FileReference['file']): string {
    try {
      check([{ id: 'file-1', file }], mine, nowMs)
      return ''
    } catch (error) {
      return String(error)
    }
  }

  it("tell nothing about another key's file", () => {
    const old = { keyId: 'key_other', createdAtMs: 0, bytes: Number.MAX_SAFE_INTEGER }
    expect(wordsFor(old)).toBe("GatewayError: The file 'file-1' does not exist.")
    expect(wordsFor(old)).toBe(wordsFor(undefined))
  })

  it('belong to nobody where no keys are asked for', () => {
    const anonymous = [reference({ keyId: undefined })]
    expect(() => check(anonymous, undefined, nowMs)).not.toThrow()
    expect(() => check([reference()], undefined, nowMs)).toThrow(GatewayError)
  })

  it('expire after 30 days, or when they say so', () => {
    expect(defaultFileReferenceOptions.retentionMs).toBe(30 * day)
    const expired = ['file_expired', 'file_id']
    expect(refusalOf([reference({ createdAtMs: nowMs - 30 * day + 1 })])).toBeUndefined()
    expect(refusalOf([reference({ createdAtMs: nowMs - 30 * day })])).toEqual(expired)
    expect(refusalOf([reference({ expiresAtMs: nowMs })])).toEqual(expired)
    expect(refusalOf([reference({ createdAtMs: 0, expiresAtMs: nowMs + 1 })])).toBeUndefined()
    expect(refusalOf([reference({ createdAtMs: Number.NaN })])).toEqual(expired)
  })

  it('are 64 MB together at most, and the one that is too much is named', () => {
    const half = { bytes: 32 * megabyte }
    expect(refusalOf([reference(half, 'a'), reference(half, 'b')])).toBeUndefined()
    const tooMuch = [reference(half, 'a'), reference(half, 'b'), reference({ bytes: 1 }, 'c')]
    expect(refusalOf(tooMuch)).toEqual(['files_total_too_large', 'c'])
    expect(refusalOf([reference({ bytes: Number.NaN })])).toEqual([
      'files_total_too_large',
      'file_id',
    ])
  })

  it('count as often as they are referred to', () => {
    const same = reference({ bytes: 30 * megabyte })
    expect(refusalOf([same, same])).toBeUndefined()
    expect(refusalOf([same, same, same])?.[0]).toBe('files_total_too_large')
  })

  it('go by the options of the server', () => {
    const strict = createFileReferenceCheck({ maxTotalBytes: 1_500, retentionMs: 2 * day })
    expect(refusalOf([reference()], mine, strict)).toBeUndefined()
    expect(refusalOf([reference(), reference()], mine, strict)?.[0]).toBe('files_total_too_large')
    const old = reference({ createdAtMs: nowMs - 2 * day })
    expect(refusalOf([old], mine, strict)?.[0]).toBe('file_expired')
  })

  it('are refused exactly when their sum is over the limit', () => {
    const limit = createFileReferenceCheck({ maxTotalBytes: 1_000 })
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 6 }), (sizes) => {
        const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
        const refusal = refusalOf(
          sizes.map((bytes) => reference({ bytes })),
          mine,
          limit,
        )
        expect(refusal?.[0]).toBe(total > 1_000 ? 'files_total_too_large' : undefined)
      }),
    )
  })

  it('show no secret that stands in the place of an id', () => {
    const secret = { id: 'sk-lazu-0123456789abcdef', file: undefined }
    expect(() => check([secret], mine, nowMs)).toThrow("The file '[redacted]' does not exist.")
  })
})
