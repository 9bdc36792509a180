import type { ApiKey, RequestRecord } from '@lazu/core'
import type { LazuConfig } from '../config.js'
import type { StoreAnswer } from './ask-store.js'
import type { Answer, NoAnswer, Outcome } from './probe.js'

/** All that was seen of a gateway: its configuration, its stores, its running server. */
export interface Examination {
  /** Undefined when it cannot be used. */
  readonly config: LazuConfig | undefined
  /** Why it cannot be used, as a sentence. */
  readonly configProblem: string | undefined
  readonly stores: StoresSeen
  readonly server: ServerState
}

/** How the stores answered; undefined for one that is not configured. */
export interface StoresSeen {
  /** Answered with the first 1,000 keys. */
  readonly keys: StoreAnswer<readonly ApiKey[]> | undefined
  readonly ledger: StoreAnswer<unknown> | undefined
  readonly limitStore: StoreAnswer<unknown> | undefined
  readonly requestLog: StoreAnswer<unknown> | undefined
}

/** How many keys are looked at. */
export const mostKeys = 1_000

/** The server, as far as it was found. */
export type ServerState = ServerSeen | ServerMissing

/** There is none, or it cannot be examined. */
export interface ServerMissing {
  readonly kind: 'missing'
  readonly url: URL | undefined
  /** Whether somebody named it for this examination, and so must think that it runs. */
  readonly isExpected: boolean
  readonly problem: { readonly reason: 'no_url' } | NoAnswer | RedirectProblem
}

/** It sends everybody elsewhere. */
export interface RedirectProblem {
  readonly reason: 'redirect'
  /** The origin it sends to. */
  readonly problem: string
}

/** What a running server answered. */
export interface ServerSeen {
  readonly kind: 'seen'
  readonly url: URL
  /** To a path nobody can have. */
  readonly unknownPath: Answer
  /**
   * To the first route that may be tried, with an invented X-Forwarded-For; undefined when there is
   * none, or that would tell nothing.
   */
  readonly spoofed: Seen | undefined
  readonly routes: readonly RouteSeen[]
  /** What this configuration's own keys say of LAZU_KEY; undefined when they were not asked. */
  readonly ownVerdict: 'known' | 'refused' | undefined
}

/** What came of a probe, and what the request log has of it. */
export interface Seen {
  readonly kind: 'sent'
  readonly outcome: Outcome
  readonly record: RequestRecord | undefined
}

/** A probe that was not sent. */
export interface NotSent {
  readonly kind: 'not_sent'
  /** Why, as a sentence. */
  readonly reason: string
}

/** What one route answered. */
export interface RouteSeen {
  /** As it was given: `POST /v1/chat/completions`. */
  readonly route: string
  readonly withoutKey: Seen | NotSent
  /** Without a key, and with a large body that was announced and never sent. */
  readonly unsentBody: Seen | NotSent
  /** With LAZU_KEY, and a model nobody has. */
  readonly unknownModel: Seen | NotSent
  /** With LAZU_KEY, and a body that is no JSON. */
  readonly brokenJson: Seen | NotSent
}
