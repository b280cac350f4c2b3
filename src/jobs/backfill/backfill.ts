/**
 * Backfill: the facts of a topology as its code of today makes them of the events that the log has, beside the current rows;
 * told where they differ, and put right unless only that is asked for.
 *
 *  1. Replay: a shadow of the topology, with state and topics of its own (`replay.ts`).
 *  2. Compare, in ClickHouse, rows whose event time is in the window (`compare.ts`).
 *  3. Put right, a table at a time, for readers in one step (`put-right.ts`).
 *
 * Until 3 nothing of the live topology is touched. Run again after an interruption, it finds what is left.
 */
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { FactTable } from '../../core/fact-table.ts'
import type { TopicName } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { Log } from '../../log/log.ts'
import type { CodecFactory } from '../../runtime/codecs.ts'
import type { WorkerOptions } from '../../runtime/worker/worker-host.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import type { FactDecoder } from '../../sinks/fact-rows.ts'
import type { Sink } from '../../sinks/sink.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import type { JobContext } from '../job.ts'
import { sinkGroup } from '../../sinks/sink-group.ts'
import type { BackfillRequest } from './backfill-request.ts'
import {
  comparisonOf,
  countRows,
  exampleRows,
  type Comparison,
  type RowCounts,
  type RowExample,
} from './compare.ts'
import { putRight } from './put-right.ts'
import { replay, type EventsGone, type Replay } from './replay.ts'
import { dropBeside, fillReplayed, makeBeside, replayedTable } from './shadow-tables.ts'

export interface BackfillOptions extends JobContext {
  readonly request: BackfillRequest
  readonly graph: TopologyGraph
  readonly factTables: readonly FactTable[]
  readonly live: Log
  readonly sink: Sink
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  readonly codecs: CodecFactory
  readonly rows: (topic: TopicDefinition) => FactDecoder
  readonly workers: WorkerOptions
  readonly defaultPartitionCount: number
  /** Of the shadow. */
  readonly directory: string
  /** The high bits of a topic's versions. */
  readonly epochOf: (topic: TopicName) => number
  /** Resolves when all that was processed is queryable, and what came in is processed where somebody does that. */
  readonly settle: () => Promise<void>
  /** @throws TidemarkError GROUP_ACTIVE where another process works on the topology */
  readonly refuseOthers: () => Promise<void>
}

export interface BackfilledTable extends RowCounts {
  readonly table: string
  readonly put_right: number
  readonly examples: readonly RowExample[]
}

export interface BackfillReport {
  readonly topology: string
  readonly start: string | null
  readonly end: string | null
  readonly dry_run: boolean
  readonly events: number
  readonly events_gone: readonly EventsGone[]
  readonly tables: readonly BackfilledTable[]
}

/** @throws TidemarkError REQUEST_INVALID | GROUP_ACTIVE | JOB_INTERRUPTED, and what the topology fails with */
export async function backfill(options: BackfillOptions): Promise<BackfillReport> {
  const { request, graph, clock } = options
  const tables = chosenTables(options)
  if (!request.dryRun) await options.refuseOthers()
  const begunAtMs = clock.nowMs()
  const replayed = await replay(options)
  try {
    refuseGaps(request, replayed.gone)
    await options.settle()
    // Others may have come meanwhile.
    if (!request.dryRun) await options.refuseOthers()
    const reports: BackfilledTable[] = []
    for (const [done, fact] of tables.entries()) {
      const text = `${fact.database}.${fact.table}`
      options.onProgress({ text, done, total: tables.length })
      reports.push(await backfillTable(options, fact, replayed, begunAtMs))
    }
    return {
      topology: graph.name,
      start: isoOf(request.startMs),
      end: isoOf(request.endMs),
      dry_run: request.dryRun,
      events: replayed.events,
      events_gone: replayed.gone,
      tables: reports,
    }
  } finally {
    await replayed.close()
  }
}

async function backfillTable(
  options: BackfillOptions,
  fact: FactTable,
  replayed: Replay,
  begunAtMs: number,
): Promise<BackfilledTable> {
  const { clickhouse, request, signal, sink } = options
  const beside = replayedTable(fact)
  const source = { fact, codec: options.rows(fact.topic) }
  await makeBeside(clickhouse, fact, beside)
  try {
    await fillReplayed(replayed.log, source, sink, signal)
    const comparison = await comparisonOf(clickhouse, fact, request, begunAtMs)
    const counts = await countRows(clickhouse, comparison)
    const keepExtra = request.retainedOnly && replayed.gone.length > 0
    const wrong = counts.different + counts.missing + (keepExtra ? 0 : counts.extra)
    const examples = await exampleRows(clickhouse, comparison)
    const mends = wrong > 0 && !request.dryRun
    const rows = mends ? await mend(options, fact, { replayed, comparison, keepExtra }) : 0
    const table = `${fact.database}.${fact.table}`
    return { table, ...counts, put_right: rows, examples }
  } finally {
    await dropBeside(clickhouse, beside)
  }
}

interface Mending {
  readonly replayed: Replay
  readonly comparison: Comparison
  readonly keepExtra: boolean
}

function mend(options: BackfillOptions, fact: FactTable, mending: Mending): Promise<number> {
  const { live, sink, clickhouse, clock, signal, epochOf, onProgress } = options
  const { replayed, comparison, keepExtra } = mending
  const { topic, database, table } = fact
  return putRight({
    live,
    replayed: replayed.log,
    sink,
    clickhouse,
    source: {
      fact,
      codec: options.rows(topic),
      keyBytes: (key) => topic.keySerde.serialize(key),
    },
    epoch: epochOf(topic.name),
    sinkGroup: sinkGroup(options.graph.name),
    comparison,
    keepExtra,
    nowMs: clock.nowMs(),
    signal,
    onRows: (done) => {
      onProgress({ text: `${database}.${table}: rows put right`, done, total: null })
    },
  })
}

function chosenTables({ request, factTables, graph }: BackfillOptions): readonly FactTable[] {
  const nameOf = ({ database, table }: FactTable) => `${database}.${table}`
  const isNamed = (fact: FactTable, name: string) => name === fact.table || name === nameOf(fact)
  const unknown = request.tables.find((name) => !factTables.some((fact) => isNamed(fact, name)))
  if (unknown !== undefined) {
    const known = factTables.map(nameOf).join(', ')
    const message = `topology ${graph.name} has no table ${unknown}; it has ${known}`
    throw new TidemarkError('REQUEST_INVALID', message)
  }
  const compared = factTables.filter(({ followsDelivery }) => followsDelivery !== true)
  if (request.tables.length === 0) return compared
  const chosen = (fact: FactTable) => request.tables.some((name) => isNamed(fact, name))
  const ofDelivery = factTables.find((fact) => fact.followsDelivery === true && chosen(fact))
  if (ofDelivery === undefined) return compared.filter(chosen)
  throw new TidemarkError(
    'REQUEST_INVALID',
    `${nameOf(ofDelivery)} tells what was known at a time, which events alone do not give again: leave it out`,
  )
}

/** Rows that rest on events which are gone would be undone. */
function refuseGaps({ dryRun, retainedOnly }: BackfillRequest, gone: readonly EventsGone[]): void {
  const [first] = gone
  if (dryRun || retainedOnly || first === undefined) return
  throw new TidemarkError(
    'REQUEST_INVALID',
    `the log no longer has the first events of ${first.topic}-${first.partition} (before offset ${first.before_offset}): ` +
      'what rests on them cannot be made again. Look with --dry-run; with --retained-only rows that only they explain stay, ' +
      'and the others are as the events that are left make them',
  )
}

function isoOf(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString()
}
