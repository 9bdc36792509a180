import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { ApiKey } from '../keys/api-key.js'
import { checkOptions } from '../lib/options.js'
import { redact } from '../lib/redact.js'

/** What must be known of a file that was uploaded. */
export interface StoredFile {
  readonly bytes: number
  /** The id of the key that uploaded it; undefined where no keys are asked for. */
  readonly keyId: string | undefined
  /** When it was uploaded, in milliseconds since 1970. */
  readonly createdAtMs: number
  /** The end of this file's own retention, in milliseconds since 1970; left out: the usual one. */
  readonly expiresAtMs?: number | undefined
}

/** A file a request refers to, and what was found under its id. */
export interface FileReference {
  readonly id: string
  /** Where the request refers to it: `input[0].content[1].file_id`. Left out: `file_id`. */
  readonly param?: string | undefined
  /** What is stored under the id, whoever's it is; undefined when there is nothing. */
  readonly file: StoredFile | undefined
}

/** What files a request may refer to. */
export interface FileReferenceOptions {
  /** How large the files of one request may be together, in bytes; 64 MB unless given. */
  maxTotalBytes?: number | undefined
  /** How long files are kept, in milliseconds; 30 days unless given. */
  retentionMs?: number | undefined
}

/**
 * Checks the files a request refers to, in their order.
 *
 * @param key the key of the request
 * @param nowMs milliseconds since 1970
 * @throws GatewayError file_not_found for one that is not there or another key's, file_expired for
 * one past its retention, files_total_too_large for the one that is too much. A file that is
 * referred to twice counts twice, since it is fetched twice.
 */
export type FileReferenceCheck = (
  references: readonly FileReference[],
  key: Pick<ApiKey, 'id'> | undefined,
  nowMs: number,
) => void

/** What holds unless options say otherwise: 64 MB together, 30 days. */
export const defaultFileReferenceOptions: {
  readonly maxTotalBytes: number
  readonly retentionMs: number
} = {
  maxTotalBytes: 67_108_864,
  retentionMs: 2_592_000_000,
}

const referenceSchema = z.strictObject({
  maxTotalBytes: z.int().positive().optional(),
  retentionMs: z.int().positive().optional(),
})

/**
 * Makes the check for requests that refer to files.
 *
 * @throws ConfigurationError for a mistake in the options
 *
 * @example
 * ```ts
 * const checkFiles = createFileReferenceCheck({ maxTotalBytes: 32_000_000 })
 * checkFiles([{ id, file: await files.get(id) }], request.lazu.key, Date.now())
 * ```
 */
export function createFileReferenceCheck(options: FileReferenceOptions = {}): FileReferenceCheck {
  const checked = checkOptions<FileReferenceOptions>(
    referenceSchema,
    options,
    'createFileReferenceCheck()',
  )
  const maxTotalBytes = checked.maxTotalBytes ?? defaultFileReferenceOptions.maxTotalBytes
  const retentionMs = checked.retentionMs ?? defaultFileReferenceOptions.retentionMs
  return (references, key, nowMs) => {
    let totalBytes = 0
    for (const { id, param = 'file_id', file } of references) {
      // Another key's before anything else: nothing is told of it, not even that it is too old.
      if (file === undefined || file.keyId !== key?.id) throw notFound(id, param)
      // Comparisons that NaN from a store fails, too.
      if (!(nowMs < (file.expiresAtMs ?? file.createdAtMs + retentionMs))) {
        throw new GatewayError('file_expired', { param })
      }
      totalBytes += file.bytes
      if (!(totalBytes <= maxTotalBytes)) throw tooLargeTogether(maxTotalBytes, param)
    }
  }
}

function notFound(id: string, param: string): GatewayError {
  return new GatewayError('file_not_found', {
    message: `The file '${redact(id.slice(0, 80))}' does not exist.`,
    param,
  })
}

function tooLargeTogether(maxTotalBytes: number, param: string): GatewayError {
  return new GatewayError('files_total_too_large', {
    message: `The files of this request are larger than ${maxTotalBytes} bytes together.`,
    param,
  })
}
