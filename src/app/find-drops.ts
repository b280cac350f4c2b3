/** Which dropped contents came before, as ClickHouse knows it; while it is away the folder waits for it. */
import { pause, type Clock } from '../core/clock.ts'
import { BackOff } from '../sinks/clickhouse/back-off.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import { statementError } from '../sinks/clickhouse/failure.ts'
import { isTableLost } from '../sinks/lost-table.ts'
import type { DropSeen, FindDrops } from '../sources/drops/known-drops.ts'

/** Of one content; some of them may just have been retracted. */
const dropsMax = 10
const waits = { firstMs: 200, maxMs: 10_000, random: Math.random }

interface DropRow {
  readonly file_hash: string
  readonly file_name: string
  readonly modified_at: number | string
}

export interface FindDropsOptions {
  readonly reader: ClickHouse['reader']
  readonly clock: Clock
  /** Aborted: what keeps ClickHouse from answering is thrown. */
  readonly signal?: AbortSignal
}

/** @throws TidemarkError SINK_REFUSED where waiting does not help, SINK_UNAVAILABLE once the signal is given */
export function findDrops({ reader, clock, signal }: FindDropsOptions): FindDrops {
  return async (contentHashes) => {
    const backOff = new BackOff(waits)
    for (;;) {
      try {
        return await ask(reader, contentHashes)
      } catch (thrown) {
        const failure = statementError(thrown, 'asked which files were dropped before')
        // A table that was lost is made anew by whoever writes to it.
        const mayPass = failure.reaction === 'retry' || isTableLost(failure)
        if (!mayPass || signal?.aborted === true) throw failure
        await pause(clock, backOff.nextMs(), signal)
      }
    }
  }
}

async function ask(
  reader: ClickHouse['reader'],
  contentHashes: readonly string[],
): Promise<ReadonlyMap<string, readonly DropSeen[]>> {
  const result = await reader.query({
    query: `SELECT file_hash, file_name, modified_at FROM student_performance.drops
WHERE file_hash IN {hashes:Array(String)} ORDER BY modified_at, file_name LIMIT ${dropsMax} BY file_hash`,
    query_params: { hashes: contentHashes },
    format: 'JSONEachRow',
  })
  const found = new Map<string, DropSeen[]>()
  for (const row of await result.json<DropRow>()) {
    const seen = { fileName: row.file_name, modifiedAtMs: Number(row.modified_at) }
    found.set(row.file_hash, [...(found.get(row.file_hash) ?? []), seen])
  }
  return found
}
