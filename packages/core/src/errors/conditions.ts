/**
 * Everything that can go wrong, in lazu's own words. `when` says when a condition is met; `message`
 * is what a caller reads when nobody wrote anything better. How a gateway says it (status, type,
 * code, retry) is the dialect's.
 */
export const conditions = {
  // Keys and access
  api_key_missing: {
    when: 'no credential was sent',
    message: 'No API key was sent. Send it in the header "Authorization: Bearer <key>".',
  },
  api_key_invalid: {
    when: 'malformed, wrong prefix, or unknown',
    message: 'Invalid API key.',
  },
  api_key_revoked: {
    when: 'the key was deleted or withdrawn',
    message: 'This API key has been revoked.',
  },
  api_key_disabled: {
    when: 'switched off, can be switched on again',
    message: 'This API key is disabled.',
  },
  api_key_expired: {
    when: 'past its expiry time',
    message: 'This API key has expired.',
  },
  ip_not_allowed: {
    when: "the caller's address is outside the allowlist",
    message: 'Requests from this IP address are not allowed.',
  },
  access_denied: {
    when: 'the key may not do this',
    message: 'Access denied.',
  },
  model_not_allowed: {
    when: 'the model exists, the key may not use it',
    message: 'The model does not exist or this API key may not use it.',
  },

  // Quota and price
  insufficient_quota: {
    when: "the account's balance does not cover the estimate",
    message: 'The balance does not cover the estimated cost of this request.',
  },
  key_quota_exceeded: {
    when: "the key's own cap (total, daily, monthly) is reached",
    message: 'This API key has reached its spending cap.',
  },
  quota_conflict: {
    when: 'the reservation lost a race and may be tried again',
    message: 'The quota could not be reserved. Try once more.',
  },
  pricing_not_configured: {
    when: 'the model has no price in this lane',
    message: 'No price is configured for this model.',
  },

  // Limits
  request_rate_limited: {
    when: 'requests per minute',
    message: 'Request rate limit exceeded.',
  },
  token_rate_limited: {
    when: 'tokens per minute',
    message: 'Token rate limit exceeded.',
  },
  concurrency_limited: {
    when: 'requests in flight',
    message: 'Too many requests at the same time.',
  },

  // Request shape
  body_malformed: {
    when: 'the body is not the JSON it claims to be',
    message: 'The request body is not valid JSON.',
  },
  body_unreadable: {
    when: 'the body could not be read: aborted, bad encoding or charset',
    message: 'The request body could not be read.',
  },
  body_too_large: {
    when: "over the server's body limit",
    message: 'The request body is too large.',
  },
  media_type_unsupported: {
    when: 'a Content-Type no parser takes',
    message: 'Unsupported Content-Type. Send "application/json".',
  },
  parameter_missing: {
    when: 'a required field is absent; param names it',
    message: 'A required parameter is missing.',
  },
  parameter_invalid: {
    when: 'a field has the wrong type or is unknown; param names it',
    message: 'A parameter is invalid.',
  },
  value_invalid: {
    when: 'right shape, value out of bounds; param names it',
    message: 'The value of a parameter is out of bounds.',
  },
  request_invalid: {
    when: 'the catch-all for a bad request',
    message: 'Invalid request.',
  },
  context_length_exceeded: {
    when: "the input is longer than the model's context",
    message: "The input is longer than the model's context.",
  },
  tokenization_failed: {
    when: "the input's tokens could not be counted",
    message: 'The tokens of the input could not be counted.',
  },
  conversion_failed: {
    when: 'the request could not be translated for the upstream',
    message: 'The request could not be translated for the upstream.',
  },
  api_type_unsupported: {
    when: 'no such API format here',
    message: 'This API format is not supported.',
  },
  model_not_found: {
    when: 'no such model; param is model',
    message: 'The model does not exist.',
  },
  route_not_found: {
    when: 'no such path',
    message: 'There is nothing at this path.',
  },
  method_not_allowed: {
    when: 'the path exists, the method does not',
    message: 'This method is not allowed here.',
  },
  sensitive_words_detected: {
    when: 'the input was refused by a word filter',
    message: 'The input was refused by a content filter.',
  },
  prompt_blocked: {
    when: "the upstream's safety system refused the prompt",
    message: 'The prompt was blocked by a safety system.',
  },

  // Files
  purpose_not_supported: {
    when: 'a file purpose the server does not take; param is purpose',
    message: 'This file purpose is not supported.',
  },
  file_not_found: {
    when: "no such file, or another key's",
    message: 'The file does not exist.',
  },
  file_expired: {
    when: 'past its retention',
    message: 'The file has expired.',
  },
  file_too_large: {
    when: "one file over its purpose's limit",
    message: 'The file is too large.',
  },
  files_total_too_large: {
    when: 'the files one request refers to are too large together',
    message: 'The files of this request are too large together.',
  },
  file_dereference_failed: {
    when: 'the file could not be fetched from storage',
    message: 'The file could not be fetched from storage.',
  },

  // Upstream and channels
  no_channel: {
    when: 'no channel is configured for this model and lane',
    message: 'No channel is available for this model.',
  },
  channels_exhausted: {
    when: 'every channel was tried and failed',
    message: 'Every channel for this model failed.',
  },
  channel_key_missing: {
    when: 'the channel has no usable key',
    message: 'No channel is available for this model.',
  },
  channel_key_invalid: {
    when: "the upstream refused the channel's key (never the caller's fault)",
    message: 'The upstream refused the request.',
  },
  channel_mapping_failed: {
    when: "the channel's model mapping is wrong",
    message: 'The model could not be mapped for the upstream.',
  },
  channel_timeout: {
    when: 'one channel went over its own time budget',
    message: 'The channel did not answer in time.',
  },
  upstream_timeout: {
    when: 'the upstream did not answer in time',
    message: 'The upstream did not answer in time.',
  },
  upstream_unreachable: {
    when: 'connection refused, reset, DNS, TLS',
    message: 'The upstream could not be reached.',
  },
  upstream_rejected: {
    when: 'the upstream answered non-2xx; details.status_code has its status',
    message: 'The upstream returned an error.',
  },
  upstream_bad_response: {
    when: "the upstream's 2xx body is not what it should be",
    message: 'The upstream returned an invalid response.',
  },
  upstream_empty_response: {
    when: 'a 2xx with nothing in it',
    message: 'The upstream returned an empty response.',
  },
  upstream_read_failed: {
    when: "the upstream's body broke off",
    message: 'The response of the upstream broke off.',
  },
  upstream_unavailable: {
    when: 'the upstream says it is overloaded or down',
    message: 'The upstream is unavailable.',
  },

  // The gateway itself
  request_timeout: {
    when: "the whole request went over the gateway's deadline",
    message: 'The request timed out.',
  },
  gateway_overloaded: {
    when: 'shedding load, or a store this request needs is away',
    message: 'The gateway is overloaded. Try again later.',
  },
  internal_error: {
    when: 'anything unforeseen; the cause never reaches the caller',
    message: 'Internal server error.',
  },
  serialization_failed: {
    when: 'the answer could not be written as JSON',
    message: 'Internal server error.',
  },
  store_read_failed: {
    when: 'a store could not be read',
    message: 'Internal server error.',
  },
  store_write_failed: {
    when: 'a store could not be written',
    message: 'Internal server error.',
  },
} as const satisfies Record<string, { when: string; message: string }>

/** What went wrong, in lazu's words. */
export type Condition = keyof typeof conditions

/** Whether a value is the name of a condition. */
export function isCondition(value: unknown): value is Condition {
  return typeof value === 'string' && Object.hasOwn(conditions, value)
}
