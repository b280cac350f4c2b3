import type { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'

/** Shown behind error messages where ClickHouse shows its own. */
const engineVersion = '26.7.2.1'

/** As ClickHouse writes it into the body of an answer. */
export function failureText({ code, message, type }: ClickHouseFailure): string {
  return `Code: ${code}. DB::Exception: ${message}. (${type}) (version ${engineVersion})\n`
}
