import type { RequestLog, RequestRecord } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { deface } from './key-store-fixtures.js'
import { noTexts, untyped } from './no-texts.js'

/** A request log to test, and a way to wait for what it puts off. */
export interface RequestLogUnderTest {
  readonly log: RequestLog
  /** Returns, or resolves, once all that was recorded can be found. */
  flushed(): void | Promise<void>
}

/** A record with nothing but what it must have. */
export function makeRecord(requestId: string): RequestRecord {
  return {
    requestId,
    clientRequestId: undefined,
    method: 'GET',
    path: '/v1/models',
    keyId: undefined,
    account: undefined,
    clientAddress: undefined,
    atMs: Date.UTC(2026, 0, 15, 12),
    durationMs: 0,
    status: 200,
    completed: true,
    condition: undefined,
    passed: [],
    refusedBy: undefined,
    model: undefined,
    limits: [],
  }
}

/** A record with every field, and what a log may stumble over in each. */
const fullRecord: RequestRecord = {
  requestId: 'req_lazu_01KSBV4MC6THZ9TCZEM38KPYRX',
  clientRequestId: 'my-request.1',
  method: 'POST',
  path: `/${'é'.repeat(499)}`,
  keyId: 'key_01JH0000000000000000000001',
  account: `O'Brien & "Söhne" %_\\ 株式会社 🔑`,
  clientAddress: '2001:db8::1',
  atMs: Date.UTC(2100, 0, 1) + 1,
  durationMs: 12.0625,
  status: 429,
  completed: false,
  condition: 'request_rate_limited',
  passed: ['request-id', "daytime's", '', '__proto__', 'Wächter 🛂'],
  refusedBy: 'rate-limit',
  model: `🚀 gpt "5"\n\0'; DROP TABLE requests; --`,
  limits: [
    { rule: '__proto__', limit: Number.MAX_SAFE_INTEGER, remaining: Number.MAX_SAFE_INTEGER },
    { rule: 'rpm', limit: 60, remaining: 0 },
  ],
}

/**
 * How every request log behaves, whether it answers at once or with promises, and whether it keeps
 * records at once or puts them off.
 *
 * @param makeLog makes an empty log that keeps a thousand records; called once for each test
 */
export function runRequestLogContract(
  name: string,
  makeLog: () => RequestLogUnderTest | Promise<RequestLogUnderTest>,
): void {
  describe(`${name} as a request log`, () => {
    let log: RequestLog
    let flushed: RequestLogUnderTest['flushed']

    beforeEach(async () => {
      const made = await makeLog()
      log = made.log
      flushed = () => made.flushed()
    })

    const keep = async (...records: RequestRecord[]): Promise<void> => {
      for (const record of records) log.record(record)
      await flushed()
    }

    it('gives back every field as it was', async () => {
      await keep(fullRecord)
      expect(await log.find(fullRecord.requestId)).toEqual(fullRecord)
    })

    it('gives no value to a field that has none', async () => {
      const record = makeRecord('req_1')
      await keep(record, fullRecord)
      expect(await log.find('req_1')).toEqual(record)
    })

    it.each(['', '%', 'req_', 'REQ_1', 'req_1 ', '__proto__', 'constructor', "' OR 1=1 --", '\\'])(
      'finds nothing by %j',
      async (requestId) => {
        expect(await log.find(requestId)).toBeUndefined()
        await keep(makeRecord('req_1'))
        expect(await log.find(requestId)).toBeUndefined()
      },
    )

    it.each(['__proto__', 'constructor', 'it\'s "quoted"', '%', 'id 🔎'])(
      'finds a record by the id %j',
      async (requestId) => {
        await keep(makeRecord('req_1'), { ...makeRecord(requestId), status: 404 })
        expect(await log.find(requestId)).toEqual({ ...makeRecord(requestId), status: 404 })
        expect(await log.find('req_1')).toEqual(makeRecord('req_1'))
      },
    )

    it.for(noTexts)('throws a RangeError for the id %s', async (bad) => {
      await keep(makeRecord('req_1'))
      const find = async (): Promise<unknown> => log.find(untyped(bad))
      await expect(find()).rejects.toBeInstanceOf(RangeError)
    })

    it('keeps the newer of two records with one id, recorded together or one after the other', async () => {
      const first = { ...fullRecord, requestId: 'req_1' }
      const second = { ...makeRecord('req_1'), status: 201 }
      await keep(first, second)
      expect(await log.find('req_1')).toEqual(second)
      await keep(first)
      expect(await log.find('req_1')).toEqual(first)
    })

    it('hands out records that cannot be used to change it', async () => {
      await keep(fullRecord)
      const expected = structuredClone(fullRecord)
      deface(await log.find(fullRecord.requestId))
      expect(await log.find(fullRecord.requestId)).toEqual(expected)
    })

    it('keeps a thousand that come at once', async () => {
      const records = Array.from({ length: 1_000 }, (_, index) => ({
        ...fullRecord,
        requestId: `req_${index}`,
        durationMs: index,
      }))
      await keep(...records)
      const found = await Promise.all(records.map(async ({ requestId }) => log.find(requestId)))
      expect(found).toEqual(records)
    })
  })
}
