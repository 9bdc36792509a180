import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto'
import { ConfigurationError } from '../lib/configuration-error.js'

const minimumPepperLength = 16
const maximumPeppers = 2

/**
 * Turns secrets into the digests they are stored by. A key has 190 random bits, so a fast hash is
 * enough: there is nothing to guess. The pepper keeps a stolen store from being used to check
 * stolen keys, and protects imported keys that are less random.
 */
export interface Digester {
  /** The digest to store, by the current pepper: 64 hex characters. */
  digest(secret: string): string
  /** Every digest the secret may be stored by, the current one first. */
  candidates(secret: string): readonly string[]
}

/**
 * SHA-256 without a pepper, HMAC-SHA-256 with one.
 *
 * @param peppers the current one first; a second while it is being replaced. Keys stored by the
 *   second work as long as it is given. Each has 16 characters or more.
 * @param path what the peppers are called where the user wrote them
 * @throws ConfigurationError for a pepper that is too short, or more than two
 */
export function createDigester(peppers: readonly string[], path: string = 'peppers'): Digester {
  checkPeppers(peppers, path)
  const [current, previous] = peppers
  if (current === undefined) {
    return { digest: plainDigest, candidates: (secret) => [plainDigest(secret)] }
  }
  const digest = pepperedDigest(current)
  if (previous === undefined) return { digest, candidates: (secret) => [digest(secret)] }
  const previousDigest = pepperedDigest(previous)
  return { digest, candidates: (secret) => [digest(secret), previousDigest(secret)] }
}

/** Whether two digests are the same, in a time that does not tell where they differ. */
export function digestsEqual(left: string, right: string): boolean {
  // timingSafeEqual throws on unequal lengths. Two bytes a character: any text is compared exactly.
  if (left.length !== right.length) return false
  return timingSafeEqual(Buffer.from(left, 'utf16le'), Buffer.from(right, 'utf16le'))
}

function plainDigest(secret: string): string {
  return hash('sha256', secret, 'hex')
}

function pepperedDigest(pepper: string): (secret: string) => string {
  const pepperKey = createSecretKey(pepper, 'utf8')
  return (secret) => createHmac('sha256', pepperKey).update(secret).digest('hex')
}

/**
 * Checks peppers by hand, as no message may show one.
 *
 * @throws ConfigurationError
 */
export function checkPeppers(peppers: unknown, path: string): asserts peppers is readonly string[] {
  if (!Array.isArray(peppers) || peppers.length > maximumPeppers) {
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_OPTION',
      path,
      `is not a list of at most ${maximumPeppers}`,
      'Give the current pepper, and the one before it while you are replacing it.',
    )
  }
  for (const [index, pepper] of peppers.entries()) {
    if (typeof pepper === 'string' && pepper.length >= minimumPepperLength) continue
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_OPTION',
      `${path}[${index}]`,
      `is not a string of at least ${minimumPepperLength} characters`,
      'Make one with "openssl rand -base64 32" and keep it outside the key store.',
    )
  }
}
