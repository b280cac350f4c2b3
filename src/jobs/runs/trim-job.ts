/** `runs.trim`: runs that ended long ago go, from their topic and from `tidemark.runs`. */
import type { Clock } from '../../core/clock.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import { fieldsOf } from '../lake/requests.ts'
import type { Job } from '../job.ts'
import type { RunRecorder } from './run-recorder.ts'

export interface TrimOptions {
  readonly clickhouse: ClickHouse
  readonly recorder: Pick<RunRecorder, 'forget'>
  readonly clock: Clock
  /** 0 keeps all. */
  readonly retentionDays: number
  /** Of one batch of records and rows. */
  readonly batchRuns?: number
}

export interface Trimmed {
  readonly runs: number
}

const dayMs = 24 * 60 * 60_000
const batchRunsMax = 1000
/** A replica that is behind still has what is gone: the rest goes another day. */
const batchesMax = 100

export function runsTrimJob(options: TrimOptions): Job<null, Trimmed> {
  const name = 'runs.trim'
  return {
    name,
    parse: (request) => {
      fieldsOf(request, [], name)
      return null
    },
    run: async (_, { signal }) => ({ runs: await trim(options, signal) }),
  }
}

async function trim(
  { clickhouse, recorder, clock, retentionDays, batchRuns = batchRunsMax }: TrimOptions,
  signal: AbortSignal,
): Promise<number> {
  if (retentionDays === 0) return 0
  const beforeMs = clock.nowMs() - retentionDays * dayMs
  let trimmed = 0
  for (let batch = 0; batch < batchesMax; batch += 1) {
    signal.throwIfAborted()
    // One that is still running has a record that its instance looks for when it starts again.
    const old = await ask<{ run_id: string }>(
      clickhouse,
      `SELECT run_id FROM tidemark.runs
WHERE event_time < fromUnixTimestamp64Milli({before:Int64}, 'UTC') AND state != 'running'
ORDER BY event_time, run_id LIMIT ${batchRuns}`,
      { before: beforeMs },
    )
    await recorder.forget(old.map(({ run_id }) => run_id))
    trimmed += old.length
    if (old.length < batchRuns) break
  }
  return trimmed
}
