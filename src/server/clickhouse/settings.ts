/**
 * Which URL parameters are settings a reader may set. Everything that bounds the engine keeps its bound; what has
 * only a meaning for an HTTP server is accepted and left out; the rest is refused as ClickHouse refuses settings of a
 * read-only user.
 */
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'

/** Parameters of the protocol itself. */
const protocolParameters: ReadonlySet<string> = new Set([
  'client_protocol_version',
  'close_session',
  'compress',
  'database',
  'decompress',
  'default_format',
  'enable_http_compression',
  'password',
  'query',
  'query_id',
  'quota_key',
  'role',
  'session_check',
  'session_id',
  'session_timeout',
  'stacktrace',
  'user',
])

/** Settings whose effect is a server's, or that we set ourselves: read, and without effect. */
const ignoredSettings: ReadonlySet<string> = new Set([
  'add_http_cors_header',
  'async_insert',
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'http_headers_progress_interval_ms',
  'http_make_head_request',
  'http_response_buffer_size',
  'http_send_progress_interval_ms',
  'http_wait_end_of_query',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'insert_deduplicate',
  'insert_quorum',
  'log_comment',
  'log_queries',
  'max_query_size',
  'network_compression_method',
  'network_zstd_compression_level',
  'readonly',
  'send_progress_in_http_headers',
  'use_query_cache',
  'wait_end_of_query',
  'wait_for_async_insert',
])

const allowedSettings: ReadonlySet<string> = new Set([
  'any_join_distinct_right_table_keys',
  'cast_keep_nullable',
  'date_time_output_format',
  'empty_result_for_aggregation_by_empty_set',
  'enable_named_columns_in_function_tuple',
  'extremes',
  'final',
  'format_csv_delimiter',
  'group_by_use_nulls',
  'join_use_nulls',
  'limit',
  'low_cardinality_allow_in_native_format',
  'max_block_size',
  'max_bytes_to_read',
  'max_columns_to_read',
  'max_result_bytes',
  'max_result_rows',
  'max_rows_to_read',
  'offset',
  'prefer_column_name_to_alias',
  'read_overflow_mode',
  'result_overflow_mode',
  'session_timezone',
  'timeout_overflow_mode',
  'totals_mode',
  'transform_null_in',
  'union_default_mode',
])

/** How results look; none of these names a file. */
const formatSettings =
  /^output_format_(json|csv|tsv|pretty|native|arrow|parquet|decimal|values|sql|xml|bson|msgpack|binary|write)_?\w*$/

/** Settings that a reader may lower. */
const cappedSettings: Readonly<Record<string, number>> = {
  max_execution_time: 300,
  max_memory_usage: 256 * 1024 * 1024,
  max_threads: 2,
}

export interface QuerySettings {
  readonly settings: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

const defaultExecutionSeconds = 60

/** @throws ClickHouseFailure 164 READONLY for a setting that readers may not change */
export function querySettings(search: Iterable<readonly [string, string]>): QuerySettings {
  const settings: Record<string, string> = { max_execution_time: String(defaultExecutionSeconds) }
  const parameters: Record<string, string> = {}
  for (const [name, value] of search) {
    const cap = cappedSettings[name]
    if (name.startsWith('param_')) parameters[name.slice('param_'.length)] = value
    else if (protocolParameters.has(name) || ignoredSettings.has(name)) continue
    else if (cap !== undefined) settings[name] = capped(name, value, cap)
    else if (allowedSettings.has(name) || formatSettings.test(name)) settings[name] = value
    else {
      throw new ClickHouseFailure(
        164,
        'READONLY',
        `Cannot modify '${name}' setting in readonly mode`,
      )
    }
  }
  return { settings, parameters }
}

/** 0 is "without a limit" in ClickHouse: here it is the cap. */
function capped(name: string, value: string, cap: number): string {
  const wanted = Number(value)
  if (value.trim() === '' || !Number.isFinite(wanted) || wanted < 0) {
    throw new ClickHouseFailure(72, 'CANNOT_PARSE_NUMBER', `Cannot parse '${value}' as ${name}`)
  }
  return String(wanted === 0 ? cap : Math.min(wanted, cap))
}
