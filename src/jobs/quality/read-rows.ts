/** Statements of quality: each reads, on a connection of its own, within bounds. */
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { queryError } from '../../sinks/clickhouse/failure.ts'
import type { StatementBounds } from './quality-options.ts'

export interface Reading {
  readonly clickhouse: Pick<ClickHouse, 'read'>
  readonly bounds: StatementBounds
  readonly signal: AbortSignal
}

/** A report has few rows, whatever the tables have. */
const resultBytesMax = 16 * 1024 * 1024

/** A statement that took too much time or memory, or whose table is not there, by ClickHouse’s codes. */
const immeasurable: ReadonlySet<number> = new Set([
  60, // UNKNOWN_TABLE
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  241, // MEMORY_LIMIT_EXCEEDED
  307, // TOO_MANY_BYTES
  396, // TOO_MANY_ROWS_OR_BYTES
])

/** Values as JSON has them; numbers of 64 bits are numbers, too.
 * @throws TidemarkError QUERY_FAILED | SINK_UNAVAILABLE */
export async function readRows<Row>(
  { clickhouse, bounds, signal }: Reading,
  sql: string,
): Promise<readonly Row[]> {
  try {
    const { body } = await clickhouse.read({
      sql,
      format: 'JSONEachRow',
      settings: {
        max_threads: String(bounds.threads),
        max_memory_usage: String(bounds.memoryBytesMax),
        max_execution_time: String(Math.max(1, Math.ceil(bounds.timeMaxMs / 1000))),
        join_use_nulls: '0',
        output_format_json_quote_64bit_integers: '0',
      },
      parameters: {},
      resultBytesMax,
      signal,
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString('utf8')
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as Row)
  } catch (thrown) {
    if (thrown instanceof ClickHouseFailure && immeasurable.has(thrown.code)) throw thrown
    throw queryError(thrown)
  }
}

/** Or why it cannot be measured: the statement went beyond its bounds, or there is no such table. */
export async function ifMeasurable<T>(
  measuring: Promise<T>,
): Promise<{ readonly value: T } | { readonly reason: string }> {
  try {
    return { value: await measuring }
  } catch (thrown) {
    if (!(thrown instanceof ClickHouseFailure)) throw thrown
    return { reason: thrown.message }
  }
}
