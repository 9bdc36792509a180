import type { Condition, DialectName } from '@lazu/core'

/** Whether trying again can help: `5xx` is yes only when the upstream's own status allows it. */
export type Retry = 'no' | 'yes' | 'after' | 'once' | '5xx'

/** How one gateway says one condition. */
export type Answer = readonly [status: number, type: string, code: string, retry: Retry]

/**
 * What the five gateways promise, condition by condition, written down a second time: the tests
 * hold what comes over the wire against it, so that no slip in a dialect's own table passes.
 */
export const table: Readonly<Record<DialectName, Readonly<Record<Condition, Answer>>>> = {
  lazu: {
    // Keys and access
    api_key_missing: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_invalid: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_revoked: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_disabled: [403, 'permission_error', 'token_disabled', 'no'],
    api_key_expired: [401, 'authentication_error', 'token_expired', 'no'],
    ip_not_allowed: [403, 'permission_error', 'ip_not_allowed', 'no'],
    access_denied: [403, 'permission_error', 'access_denied', 'no'],
    model_not_allowed: [404, 'invalid_request_error', 'model_not_found', 'no'],

    // Quota and price
    insufficient_quota: [403, 'insufficient_quota', 'insufficient_quota', 'no'],
    key_quota_exceeded: [403, 'insufficient_quota', 'insufficient_quota', 'no'],
    quota_conflict: [500, 'server_error', 'pre_consume_token_quota_failed', 'once'],
    pricing_not_configured: [400, 'invalid_request_error', 'pricing_not_configured', 'no'],

    // Limits
    request_rate_limited: [429, 'rate_limit_exceeded', 'request_rate_limit_exceeded', 'after'],
    token_rate_limited: [429, 'rate_limit_exceeded', 'token_rate_limit_exceeded', 'after'],
    concurrency_limited: [429, 'rate_limit_exceeded', 'concurrency_limit_exceeded', 'after'],

    // Request shape
    body_malformed: [400, 'invalid_request_error', 'bad_request_body', 'no'],
    body_unreadable: [400, 'invalid_request_error', 'bad_request_body', 'no'],
    body_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    media_type_unsupported: [415, 'invalid_request_error', 'bad_request_body', 'no'],
    parameter_missing: [400, 'invalid_request_error', 'missing_required_parameter', 'no'],
    parameter_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    value_invalid: [422, 'invalid_request_error', 'invalid_request', 'no'],
    request_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    context_length_exceeded: [400, 'invalid_request_error', 'context_length_exceeded', 'no'],
    tokenization_failed: [400, 'invalid_request_error', 'tokenization_error', 'no'],
    conversion_failed: [500, 'server_error', 'convert_request_failed', 'no'],
    api_type_unsupported: [400, 'invalid_request_error', 'invalid_request', 'no'],
    model_not_found: [404, 'invalid_request_error', 'model_not_found', 'no'],
    route_not_found: [404, 'invalid_request_error', 'route_not_found', 'no'],
    method_not_allowed: [405, 'invalid_request_error', 'method_not_allowed', 'no'],
    sensitive_words_detected: [400, 'invalid_request_error', 'sensitive_words_detected', 'no'],
    prompt_blocked: [400, 'invalid_request_error', 'prompt_blocked', 'no'],

    // Files
    purpose_not_supported: [400, 'invalid_request_error', 'purpose_not_supported', 'no'],
    file_not_found: [404, 'invalid_request_error', 'file_not_found', 'no'],
    file_expired: [404, 'invalid_request_error', 'file_expired', 'no'],
    file_too_large: [413, 'invalid_request_error', 'file_too_large', 'no'],
    files_total_too_large: [400, 'invalid_request_error', 'file_too_large', 'no'],
    file_dereference_failed: [500, 'server_error', 'file_dereference_failed', 'yes'],

    // Upstream and channels
    no_channel: [503, 'server_error', 'no_available_channel', 'yes'],
    channels_exhausted: [503, 'upstream_error', 'no_available_channel', 'yes'],
    channel_key_missing: [503, 'server_error', 'no_available_channel', 'yes'],
    channel_key_invalid: [502, 'upstream_error', 'upstream_error', 'no'],
    channel_mapping_failed: [500, 'server_error', 'convert_request_failed', 'no'],
    channel_timeout: [504, 'upstream_error', 'channel_response_time_exceeded', 'yes'],
    upstream_timeout: [504, 'upstream_error', 'upstream_timeout', 'yes'],
    upstream_unreachable: [502, 'upstream_error', 'upstream_network_error', 'yes'],
    upstream_rejected: [502, 'upstream_error', 'upstream_error', '5xx'],
    upstream_bad_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_empty_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_read_failed: [502, 'upstream_error', 'upstream_network_error', 'yes'],
    upstream_unavailable: [503, 'upstream_error', 'upstream_error', 'yes'],

    // The gateway itself
    request_timeout: [504, 'upstream_error', 'upstream_timeout', 'yes'],
    gateway_overloaded: [503, 'server_error', 'gateway_overloaded', 'yes'],
    internal_error: [500, 'server_error', 'internal_error', 'yes'],
    serialization_failed: [500, 'server_error', 'internal_error', 'yes'],
    store_read_failed: [500, 'server_error', 'internal_error', 'yes'],
    store_write_failed: [500, 'server_error', 'internal_error', 'yes'],
  },
  tokendog: {
    // Keys and access
    api_key_missing: [401, 'new_api_error', 'invalid_api_key', 'no'],
    api_key_invalid: [401, 'new_api_error', 'invalid_api_key', 'no'],
    api_key_revoked: [403, 'new_api_error', 'access_denied', 'no'],
    api_key_disabled: [403, 'new_api_error', 'access_denied', 'no'],
    api_key_expired: [401, 'new_api_error', 'invalid_api_key', 'no'],
    ip_not_allowed: [403, 'new_api_error', 'access_denied', 'no'],
    access_denied: [403, 'new_api_error', 'access_denied', 'no'],
    model_not_allowed: [403, 'new_api_error', 'access_denied', 'no'],

    // Quota and price
    insufficient_quota: [403, 'new_api_error', 'insufficient_user_quota', 'no'],
    key_quota_exceeded: [403, 'new_api_error', 'pre_consume_token_quota_failed', 'no'],
    quota_conflict: [403, 'new_api_error', 'pre_consume_token_quota_failed', 'once'],
    pricing_not_configured: [400, 'new_api_error', 'model_price_error', 'no'],

    // Limits
    request_rate_limited: [429, 'new_api_error', 'rate_limit_exceeded', 'after'],
    token_rate_limited: [429, 'new_api_error', 'rate_limit_exceeded', 'after'],
    concurrency_limited: [429, 'new_api_error', 'rate_limit_exceeded', 'after'],

    // Request shape
    body_malformed: [400, 'new_api_error', 'bad_request_body', 'no'],
    body_unreadable: [400, 'new_api_error', 'read_request_body_failed', 'no'],
    body_too_large: [413, 'new_api_error', 'read_request_body_failed', 'no'],
    media_type_unsupported: [415, 'new_api_error', 'read_request_body_failed', 'no'],
    parameter_missing: [400, 'new_api_error', 'invalid_request', 'no'],
    parameter_invalid: [400, 'new_api_error', 'invalid_request', 'no'],
    value_invalid: [400, 'new_api_error', 'invalid_request', 'no'],
    request_invalid: [400, 'new_api_error', 'invalid_request', 'no'],
    context_length_exceeded: [400, 'new_api_error', 'invalid_request', 'no'],
    tokenization_failed: [400, 'new_api_error', 'count_token_failed', 'no'],
    conversion_failed: [400, 'new_api_error', 'convert_request_failed', 'no'],
    api_type_unsupported: [400, 'new_api_error', 'invalid_api_type', 'no'],
    model_not_found: [404, 'new_api_error', 'model_not_found', 'no'],
    route_not_found: [404, 'new_api_error', 'invalid_request', 'no'],
    method_not_allowed: [405, 'new_api_error', 'invalid_request', 'no'],
    sensitive_words_detected: [400, 'new_api_error', 'sensitive_words_detected', 'no'],
    prompt_blocked: [400, 'new_api_error', 'prompt_blocked', 'no'],

    // Files
    purpose_not_supported: [400, 'new_api_error', 'invalid_request', 'no'],
    file_not_found: [404, 'new_api_error', 'invalid_request', 'no'],
    file_expired: [404, 'new_api_error', 'invalid_request', 'no'],
    file_too_large: [413, 'new_api_error', 'read_request_body_failed', 'no'],
    files_total_too_large: [400, 'new_api_error', 'invalid_request', 'no'],
    file_dereference_failed: [500, 'new_api_error', 'query_data_error', 'yes'],

    // Upstream and channels
    no_channel: [503, 'new_api_error', 'get_channel_failed', 'yes'],
    channels_exhausted: [503, 'new_api_error', 'get_channel_failed', 'yes'],
    channel_key_missing: [503, 'new_api_error', 'channel:no_available_key', 'yes'],
    channel_key_invalid: [502, 'new_api_error', 'channel:invalid_key', 'no'],
    channel_mapping_failed: [500, 'new_api_error', 'channel:model_mapped_error', 'no'],
    channel_timeout: [504, 'new_api_error', 'channel:response_time_exceeded', 'yes'],
    upstream_timeout: [504, 'new_api_error', 'channel:response_time_exceeded', 'yes'],
    upstream_unreachable: [502, 'new_api_error', 'do_request_failed', 'yes'],
    upstream_rejected: [502, 'new_api_error', 'bad_response_status_code', '5xx'],
    upstream_bad_response: [502, 'new_api_error', 'bad_response', 'yes'],
    upstream_empty_response: [502, 'new_api_error', 'empty_response', 'yes'],
    upstream_read_failed: [502, 'new_api_error', 'read_response_body_failed', 'yes'],
    upstream_unavailable: [503, 'new_api_error', 'bad_response_status_code', 'yes'],

    // The gateway itself
    request_timeout: [504, 'new_api_error', 'channel:response_time_exceeded', 'yes'],
    gateway_overloaded: [503, 'new_api_error', 'get_channel_failed', 'yes'],
    internal_error: [500, 'new_api_error', 'internal_error', 'yes'],
    serialization_failed: [500, 'new_api_error', 'json_marshal_failed', 'yes'],
    store_read_failed: [500, 'new_api_error', 'query_data_error', 'yes'],
    store_write_failed: [500, 'new_api_error', 'update_data_error', 'yes'],
  },
  lemondata: {
    // Keys and access
    api_key_missing: [401, 'invalid_api_key', 'invalid_api_key', 'no'],
    api_key_invalid: [401, 'invalid_api_key', 'invalid_api_key', 'no'],
    api_key_revoked: [401, 'expired_api_key', 'expired_api_key', 'no'],
    api_key_disabled: [401, 'expired_api_key', 'expired_api_key', 'no'],
    api_key_expired: [401, 'expired_api_key', 'expired_api_key', 'no'],
    ip_not_allowed: [403, 'access_denied', 'access_denied', 'no'],
    access_denied: [403, 'access_denied', 'access_denied', 'no'],
    model_not_allowed: [403, 'access_denied', 'model_not_allowed', 'no'],

    // Quota and price
    insufficient_quota: [402, 'insufficient_balance', 'insufficient_balance', 'no'],
    key_quota_exceeded: [402, 'quota_exceeded', 'quota_exceeded', 'no'],
    quota_conflict: [500, 'internal_error', 'internal_error', 'once'],
    pricing_not_configured: [400, 'invalid_request_error', 'pricing_not_configured', 'no'],

    // Limits
    request_rate_limited: [429, 'rate_limit_exceeded', 'rate_limit_exceeded', 'after'],
    token_rate_limited: [429, 'rate_limit_exceeded', 'rate_limit_exceeded', 'after'],
    concurrency_limited: [429, 'rate_limit_exceeded', 'rate_limit_exceeded', 'after'],

    // Request shape
    body_malformed: [400, 'invalid_request_error', 'invalid_request', 'no'],
    body_unreadable: [400, 'invalid_request_error', 'invalid_request', 'no'],
    body_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    media_type_unsupported: [415, 'invalid_request_error', 'invalid_request', 'no'],
    parameter_missing: [400, 'invalid_request_error', 'missing_required_parameter', 'no'],
    parameter_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    value_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    request_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    context_length_exceeded: [400, 'context_length_exceeded', 'context_length_exceeded', 'no'],
    tokenization_failed: [400, 'invalid_request_error', 'invalid_request', 'no'],
    conversion_failed: [500, 'internal_error', 'internal_error', 'no'],
    api_type_unsupported: [400, 'invalid_request_error', 'invalid_request', 'no'],
    model_not_found: [400, 'model_not_found', 'model_not_found', 'no'],
    route_not_found: [404, 'invalid_request_error', 'not_found', 'no'],
    method_not_allowed: [405, 'invalid_request_error', 'method_not_allowed', 'no'],
    sensitive_words_detected: [400, 'invalid_request_error', 'sensitive_words_detected', 'no'],
    prompt_blocked: [400, 'invalid_request_error', 'prompt_blocked', 'no'],

    // Files
    purpose_not_supported: [400, 'invalid_request_error', 'invalid_request', 'no'],
    file_not_found: [404, 'invalid_request_error', 'not_found', 'no'],
    file_expired: [404, 'invalid_request_error', 'not_found', 'no'],
    file_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    files_total_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    file_dereference_failed: [500, 'internal_error', 'internal_error', 'yes'],

    // Upstream and channels
    no_channel: [503, 'all_channels_failed', 'all_channels_failed', 'no'],
    channels_exhausted: [503, 'all_channels_failed', 'all_channels_failed', 'yes'],
    channel_key_missing: [503, 'all_channels_failed', 'all_channels_failed', 'yes'],
    channel_key_invalid: [502, 'upstream_error', 'upstream_error', 'no'],
    channel_mapping_failed: [500, 'internal_error', 'internal_error', 'no'],
    channel_timeout: [504, 'timeout_error', 'timeout_error', 'yes'],
    upstream_timeout: [504, 'timeout_error', 'timeout_error', 'yes'],
    upstream_unreachable: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_rejected: [502, 'upstream_error', 'upstream_error', '5xx'],
    upstream_bad_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_empty_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_read_failed: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_unavailable: [503, 'upstream_error', 'upstream_error', 'yes'],

    // The gateway itself
    request_timeout: [504, 'timeout_error', 'timeout_error', 'yes'],
    gateway_overloaded: [503, 'service_unavailable', 'service_unavailable', 'yes'],
    internal_error: [500, 'internal_error', 'internal_error', 'yes'],
    serialization_failed: [500, 'internal_error', 'internal_error', 'yes'],
    store_read_failed: [500, 'internal_error', 'internal_error', 'yes'],
    store_write_failed: [500, 'internal_error', 'internal_error', 'yes'],
  },
  chuizi: {
    // Keys and access
    api_key_missing: [401, 'authentication_error', '401', 'no'],
    api_key_invalid: [401, 'authentication_error', '401', 'no'],
    api_key_revoked: [401, 'authentication_error', '401', 'no'],
    api_key_disabled: [401, 'authentication_error', '401', 'no'],
    api_key_expired: [401, 'authentication_error', '401', 'no'],
    ip_not_allowed: [403, 'permission_error', '403', 'no'],
    access_denied: [403, 'permission_error', '403', 'no'],
    model_not_allowed: [403, 'permission_error', '403', 'no'],

    // Quota and price
    insufficient_quota: [402, 'insufficient_quota', '402', 'no'],
    key_quota_exceeded: [403, 'permission_error', '403', 'no'],
    quota_conflict: [500, 'server_error', '500', 'once'],
    pricing_not_configured: [404, 'not_found', '404', 'no'],

    // Limits
    request_rate_limited: [429, 'rate_limit_error', '429', 'after'],
    token_rate_limited: [429, 'rate_limit_error', '429', 'after'],
    concurrency_limited: [429, 'rate_limit_error', '429', 'after'],

    // Request shape
    body_malformed: [400, 'invalid_request_error', '400', 'no'],
    body_unreadable: [400, 'invalid_request_error', '400', 'no'],
    body_too_large: [413, 'invalid_request_error', '413', 'no'],
    media_type_unsupported: [415, 'invalid_request_error', '415', 'no'],
    parameter_missing: [400, 'invalid_request_error', '400', 'no'],
    parameter_invalid: [400, 'invalid_request_error', '400', 'no'],
    value_invalid: [400, 'invalid_request_error', '400', 'no'],
    request_invalid: [400, 'invalid_request_error', '400', 'no'],
    context_length_exceeded: [400, 'invalid_request_error', '400', 'no'],
    tokenization_failed: [400, 'invalid_request_error', '400', 'no'],
    conversion_failed: [500, 'server_error', '500', 'no'],
    api_type_unsupported: [400, 'invalid_request_error', '400', 'no'],
    model_not_found: [404, 'not_found', '404', 'no'],
    route_not_found: [404, 'not_found', '404', 'no'],
    method_not_allowed: [405, 'invalid_request_error', '405', 'no'],
    sensitive_words_detected: [400, 'invalid_request_error', '400', 'no'],
    prompt_blocked: [400, 'invalid_request_error', '400', 'no'],

    // Files
    purpose_not_supported: [400, 'invalid_request_error', '400', 'no'],
    file_not_found: [404, 'not_found', '404', 'no'],
    file_expired: [404, 'not_found', '404', 'no'],
    file_too_large: [413, 'invalid_request_error', '413', 'no'],
    files_total_too_large: [413, 'invalid_request_error', '413', 'no'],
    file_dereference_failed: [500, 'server_error', '500', 'yes'],

    // Upstream and channels
    no_channel: [503, 'service_unavailable', '503', 'yes'],
    channels_exhausted: [503, 'service_unavailable', '503', 'yes'],
    channel_key_missing: [503, 'service_unavailable', '503', 'yes'],
    channel_key_invalid: [502, 'upstream_error', '502', 'no'],
    channel_mapping_failed: [500, 'server_error', '500', 'no'],
    channel_timeout: [504, 'timeout', '504', 'yes'],
    upstream_timeout: [504, 'timeout', '504', 'yes'],
    upstream_unreachable: [502, 'upstream_error', '502', 'yes'],
    upstream_rejected: [502, 'upstream_error', '502', '5xx'],
    upstream_bad_response: [502, 'upstream_error', '502', 'yes'],
    upstream_empty_response: [502, 'upstream_error', '502', 'yes'],
    upstream_read_failed: [502, 'upstream_error', '502', 'yes'],
    upstream_unavailable: [503, 'service_unavailable', '503', 'yes'],

    // The gateway itself
    request_timeout: [504, 'timeout', '504', 'yes'],
    gateway_overloaded: [503, 'service_unavailable', '503', 'yes'],
    internal_error: [500, 'server_error', '500', 'yes'],
    serialization_failed: [500, 'server_error', '500', 'yes'],
    store_read_failed: [500, 'server_error', '500', 'yes'],
    store_write_failed: [500, 'server_error', '500', 'yes'],
  },
  foza: {
    // Keys and access
    api_key_missing: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_invalid: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_revoked: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_disabled: [401, 'authentication_error', 'invalid_api_key', 'no'],
    api_key_expired: [401, 'authentication_error', 'invalid_api_key', 'no'],
    ip_not_allowed: [403, 'permission_error', 'ip_not_allowed', 'no'],
    access_denied: [403, 'permission_error', 'access_denied', 'no'],
    model_not_allowed: [403, 'permission_error', 'model_not_subscribed', 'no'],

    // Quota and price
    insufficient_quota: [402, 'insufficient_quota', 'insufficient_balance', 'no'],
    key_quota_exceeded: [402, 'insufficient_quota', 'quota_exceeded', 'no'],
    quota_conflict: [500, 'server_error', 'internal_error', 'once'],
    pricing_not_configured: [404, 'not_found_error', 'model_not_found', 'no'],

    // Limits
    request_rate_limited: [429, 'rate_limit_error', 'rate_limit_exceeded', 'after'],
    token_rate_limited: [429, 'rate_limit_error', 'rate_limit_exceeded', 'after'],
    concurrency_limited: [429, 'rate_limit_error', 'rate_limit_exceeded', 'after'],

    // Request shape
    body_malformed: [400, 'invalid_request_error', 'invalid_request', 'no'],
    body_unreadable: [400, 'invalid_request_error', 'invalid_request', 'no'],
    body_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    media_type_unsupported: [415, 'invalid_request_error', 'invalid_request', 'no'],
    parameter_missing: [400, 'invalid_request_error', 'invalid_request', 'no'],
    parameter_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    value_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    request_invalid: [400, 'invalid_request_error', 'invalid_request', 'no'],
    context_length_exceeded: [400, 'invalid_request_error', 'context_length_exceeded', 'no'],
    tokenization_failed: [400, 'invalid_request_error', 'invalid_request', 'no'],
    conversion_failed: [500, 'server_error', 'internal_error', 'no'],
    api_type_unsupported: [400, 'invalid_request_error', 'invalid_request', 'no'],
    model_not_found: [404, 'not_found_error', 'model_not_found', 'no'],
    route_not_found: [404, 'not_found_error', 'endpoint_not_found', 'no'],
    method_not_allowed: [405, 'invalid_request_error', 'method_not_allowed', 'no'],
    sensitive_words_detected: [400, 'invalid_request_error', 'sensitive_words_detected', 'no'],
    prompt_blocked: [400, 'invalid_request_error', 'prompt_blocked', 'no'],

    // Files
    purpose_not_supported: [400, 'invalid_request_error', 'invalid_request', 'no'],
    file_not_found: [404, 'not_found_error', 'file_not_found', 'no'],
    file_expired: [404, 'not_found_error', 'file_not_found', 'no'],
    file_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    files_total_too_large: [413, 'invalid_request_error', 'payload_too_large', 'no'],
    file_dereference_failed: [500, 'server_error', 'internal_error', 'yes'],

    // Upstream and channels
    no_channel: [503, 'service_unavailable', 'provider_unavailable', 'yes'],
    channels_exhausted: [503, 'service_unavailable', 'provider_unavailable', 'yes'],
    channel_key_missing: [503, 'service_unavailable', 'provider_unavailable', 'yes'],
    channel_key_invalid: [502, 'upstream_error', 'upstream_error', 'no'],
    channel_mapping_failed: [500, 'server_error', 'internal_error', 'no'],
    channel_timeout: [504, 'timeout', 'timeout', 'yes'],
    upstream_timeout: [504, 'timeout', 'timeout', 'yes'],
    upstream_unreachable: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_rejected: [502, 'upstream_error', 'upstream_error', '5xx'],
    upstream_bad_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_empty_response: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_read_failed: [502, 'upstream_error', 'upstream_error', 'yes'],
    upstream_unavailable: [503, 'service_unavailable', 'provider_unavailable', 'yes'],

    // The gateway itself
    request_timeout: [504, 'timeout', 'timeout', 'yes'],
    gateway_overloaded: [503, 'service_unavailable', 'provider_unavailable', 'yes'],
    internal_error: [500, 'server_error', 'internal_error', 'yes'],
    serialization_failed: [500, 'server_error', 'internal_error', 'yes'],
    store_read_failed: [500, 'server_error', 'internal_error', 'yes'],
    store_write_failed: [500, 'server_error', 'internal_error', 'yes'],
  },
}
