import type { DialectName } from '@lazu/core'

/** Every status, type and code that stands in a gateway's own documentation of its errors. */
export const documented: Readonly<Record<DialectName, string>> = {
  lazu: `
    400 401 403 404 413 422 429 500 502 503 504 invalid_request_error
    invalid_api_key insufficient_quota ip_not_allowed token_disabled token_expired
    bad_request_body missing_required_parameter invalid_request model_not_found
    convert_request_failed tokenization_error
    purpose_not_supported file_not_found file_expired file_too_large file_dereference_failed
    pricing_not_configured pre_consume_token_quota_failed request_rate_limit_exceeded
    upstream_error upstream_timeout upstream_network_error channel_response_time_exceeded
    no_available_channel`,
  tokendog: `
    400 401 403 404 429 500 502 503 504
    invalid_request bad_request_body read_request_body_failed convert_request_failed
    sensitive_words_detected prompt_blocked access_denied model_not_found invalid_api_type
    get_channel_failed channel:no_available_key channel:invalid_key channel:model_mapped_error
    channel:response_time_exceeded insufficient_user_quota pre_consume_token_quota_failed
    model_price_error count_token_failed do_request_failed bad_response bad_response_status_code
    empty_response read_response_body_failed json_marshal_failed query_data_error
    update_data_error`,
  lemondata: `
    400 401 402 403 404 413 429 500 502 503 504
    invalid_api_key expired_api_key insufficient_balance insufficient_balance_error quota_exceeded
    access_denied model_not_allowed invalid_request_error context_length_exceeded model_not_found
    upstream_error all_channels_failed timeout_error`,
  chuizi: `
    400 401 402 403 404 429 500 502 503 504
    invalid_request_error authentication_error insufficient_quota permission_error not_found
    rate_limit_error server_error upstream_error service_unavailable timeout`,
  foza: '400 401 403 404 429 500 502 503',
}
