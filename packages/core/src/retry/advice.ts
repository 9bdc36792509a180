/** What a failure says about trying again. */
export interface Advice {
  /** `once`: one retry may help, a second will not. */
  readonly retry: 'no' | 'once' | 'yes'
  /** How long the other side asked to wait, in milliseconds; undefined when it named no time. */
  readonly waitMs: number | undefined
}

export const noRetry: Advice = { retry: 'no', waitMs: undefined }

export const retryAnyTime: Advice = { retry: 'yes', waitMs: undefined }
