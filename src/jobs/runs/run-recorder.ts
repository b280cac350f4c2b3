/**
 * Records runs in `tidemark.runs`, as facts are: versioned rows of a compacted topic.
 *
 *  1. A run is in the log before its work begins, and its outcome is once the work is done.
 *  2. Each row goes to ClickHouse at once, too, so that a command which ends now is seen by the next one. Where ClickHouse is
 *     away, or has lost the table, the consumer of the topic brings it later; it writes the same row.
 *  3. A run that its instance did not live to end is told as interrupted when that instance starts again.
 */
import { randomUUID } from 'node:crypto'
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { offset, partition } from '../../core/record.ts'
import type { ValueCodec } from '../../core/serde.ts'
import type { Log } from '../../log/log.ts'
import { factVersion } from '../../sinks/fact-rows.ts'
import { isTableLost } from '../../sinks/lost-table.ts'
import { passes } from '../../sinks/passing.ts'
import type { Sink } from '../../sinks/sink.ts'
import { runsFact, type RunEntry, type RunState } from './runs-fact.ts'

export interface RunRecorderOptions {
  readonly log: Log
  readonly sink: Sink
  readonly clock: Clock
  readonly codec: ValueCodec<RunEntry>
  /** Of the topic's versions. */
  readonly epoch: number
  /** The name of this instance, the same after a restart. */
  readonly instance: string
}

export interface RunOutcome {
  readonly state: Exclude<RunState, 'running'>
  readonly result?: object
  readonly error?: string
}

/** A run that has ended, as it is told in this process: its result is whole. */
export interface EndedRun extends RunOutcome {
  readonly runId: string
  readonly job: string
}

/** Of a request or a result, as JSON. */
const textBytesMax = 64 * 1024
/** A run that was left running is among the last of these. */
const recordsReadMax = 10_000
const fetchBytesMax = 4 * 1024 * 1024
const only = partition(0)

export class RunRecorder {
  readonly #options: RunRecorderOptions
  readonly #open = new Map<string, RunEntry>()
  readonly #watchers: ((run: EndedRun) => void)[] = []

  constructor(options: RunRecorderOptions) {
    this.#options = options
  }

  /** @param tell called at the end of each run, also where that cannot be recorded; it does not throw */
  watch(tell: (run: EndedRun) => void): void {
    this.#watchers.push(tell)
  }

  /** The one way to run something that is recorded. @throws what `work` throws, once that is recorded */
  async record<Result extends object>(
    job: string,
    request: unknown,
    signal: AbortSignal,
    work: (runId: string) => Promise<Result>,
  ): Promise<Result> {
    const runId = await this.begin(job, request)
    let result: Result
    try {
      result = await work(runId)
    } catch (thrown) {
      const state = signal.aborted ? 'interrupted' : 'failed'
      // What stood in the way counts, not that it cannot be recorded either.
      await this.end(runId, { state, error: messageOf(thrown) }).catch(() => {})
      throw thrown
    }
    await this.end(runId, { state: signal.aborted ? 'interrupted' : 'succeeded', result })
    return result
  }

  /** @returns the run's id, for `end` */
  async begin(job: string, request: unknown): Promise<string> {
    const nowMs = this.#options.clock.nowMs()
    const entry: RunEntry = {
      run_id: randomUUID(),
      job,
      request: boundedJson(request),
      instance: this.#options.instance,
      started_at: nowMs,
      finished_at: null,
      state: 'running',
      result: null,
      error: null,
      event_time: nowMs,
      known_at: nowMs,
    }
    await this.#write(entry)
    this.#open.set(entry.run_id, entry)
    return entry.run_id
  }

  isOpen(runId: string): boolean {
    return this.#open.has(runId)
  }

  async end(runId: string, outcome: RunOutcome): Promise<void> {
    const entry = present(this.#open.get(runId), `run ${runId}`)
    for (const tell of this.#watchers) tell({ ...outcome, runId, job: entry.job })
    await this.#finish(entry, outcome)
    this.#open.delete(runId)
  }

  /** Those that this instance left running before it started; returns how many. */
  async tellInterrupted(): Promise<number> {
    const left = await this.#leftRunning()
    for (const entry of left) {
      const error = 'the instance ended before the run did'
      await this.#finish(entry, { state: 'interrupted', error })
    }
    return left.length
  }

  /** Tombstones in the topic, whose compaction takes what was there, and rows that are gone. */
  async forget(runIds: readonly string[]): Promise<void> {
    if (runIds.length === 0) return
    const { log, sink, clock, epoch } = this.#options
    const { topic, database, table } = runsFact
    const nowMs = clock.nowMs()
    const records = runIds.map((runId) => {
      const key = topic.keySerde.serialize([runId])
      return { key, value: null, headers: [], timestampMs: nowMs }
    })
    const [at] = await log.append([{ topic: topic.name, partition: only, records }])
    const { baseOffset } = present(at, 'place of the records')
    const rows = runIds.map((runId, index) => ({
      run_id: runId,
      event_time: nowMs,
      known_at: nowMs,
      version: factVersion(epoch, offset(baseOffset + index)),
      is_deleted: 1,
    }))
    await sink.write([{ table: { database, table }, rows }])
  }

  async #finish(entry: RunEntry, { state, result, error }: RunOutcome): Promise<void> {
    const nowMs = this.#options.clock.nowMs()
    await this.#write({
      ...entry,
      finished_at: nowMs,
      state,
      result: result === undefined ? null : boundedJson(result),
      error: error ?? null,
      event_time: nowMs,
      known_at: nowMs,
    })
  }

  async #write(entry: RunEntry): Promise<void> {
    const { log, sink, codec, epoch } = this.#options
    const { topic, database, table } = runsFact
    const record = {
      key: topic.keySerde.serialize([entry.run_id]),
      value: codec.encode(entry),
      headers: [],
      timestampMs: entry.event_time,
    }
    const [at] = await log.append([{ topic: topic.name, partition: only, records: [record] }])
    const { baseOffset } = present(at, 'place of the record')
    const row = { ...entry, version: factVersion(epoch, baseOffset), is_deleted: 0 }
    try {
      await sink.write([{ table: { database, table }, rows: [row] }])
    } catch (thrown) {
      if (!passes(thrown) && !isTableLost(thrown)) throw thrown
    }
  }

  async #leftRunning(): Promise<readonly RunEntry[]> {
    const { log, codec, instance } = this.#options
    const topic = runsFact.topic.name
    const [description] = await log.describeTopics([topic])
    const { logStartOffset, lastStableOffset } = present(description?.partitions[0], topic)
    const running = new Map<string, RunEntry>()
    let next = Math.max(logStartOffset, lastStableOffset - recordsReadMax)
    while (next < lastStableOffset) {
      const [fetched] = await log.fetch({
        partitions: [{ topic, partition: only, offset: offset(next) }],
        bytesMax: fetchBytesMax,
        bytesPerPartitionMax: fetchBytesMax,
        waitMaxMs: 1_000,
        isolation: 'read_committed',
      })
      const { records, nextOffset } = present(fetched, topic)
      await codec.prepare(records.map(({ value }) => value))
      for (const { value } of records) {
        if (value === null) continue
        const entry = codec.decode(value)
        if (entry.state === 'running' && entry.instance === instance) {
          running.set(entry.run_id, entry)
        } else running.delete(entry.run_id)
      }
      next = nextOffset
    }
    return [...running.values()].filter(({ run_id: id }) => !this.#open.has(id))
  }
}

/** What is longer is cut, and says so. */
function boundedJson(value: unknown): string {
  const text = JSON.stringify(value ?? {})
  if (text.length <= textBytesMax) return text
  return JSON.stringify({ cut_after: textBytesMax, text: text.slice(0, textBytesMax) })
}
