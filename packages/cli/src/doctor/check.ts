import type { Examination } from './examination.js'

/** How a check ended. */
export type Level = 'ok' | 'warning' | 'mistake' | 'not_checked'

/** One thing a check found. */
export interface Finding {
  readonly level: Level
  /** What was found, as a sentence. */
  readonly found: string
  /** How to mend it, as a sentence; of a warning and a mistake. */
  readonly mend?: string | undefined
  /** The route it is about: `POST /v1/chat/completions`. */
  readonly route?: string | undefined
  /** What was seen, for programs. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
}

/** What a finding says beside its sentence. */
export type FindingDetails = Pick<Finding, 'route' | 'facts'>

/** One question a gateway is asked. */
export interface Check {
  /** Stable: programs match on it. */
  readonly code: `LAZU_DOCTOR_${string}`
  /** What should be so, as a sentence without its point. */
  readonly title: string
  /** The answer, from what was seen. Never throws, and asks nobody. */
  run(examination: Examination): readonly Finding[]
}

/** All is well. */
export function ok(found: string, details: FindingDetails = {}): Finding {
  return { level: 'ok', found, ...details }
}

/** Something that may be meant so, and should be looked at. */
export function warning(found: string, mend: string, details: FindingDetails = {}): Finding {
  return { level: 'warning', found, mend, ...details }
}

/** Something that must be mended. */
export function mistake(found: string, mend: string, details: FindingDetails = {}): Finding {
  return { level: 'mistake', found, mend, ...details }
}

/** Nothing can be said, and why. */
export function notChecked(found: string, details: FindingDetails = {}): Finding {
  return { level: 'not_checked', found, ...details }
}
