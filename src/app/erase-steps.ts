/**
 * The steps of an erasure while nothing else works on the data directory:
 *
 *  1. Events are written over in the topics they came in by.
 *  2. Refused records and the texts of runs and of quality results that name a person.
 *  3. The topology is reset to its first event, its facts with it.
 *  4. Tables, those of 2 and 3, are made again from their topics: of the topology's they are empty now.
 *  5. What was written over leaves the disk.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ownRecords } from '../jobs/erase/own-records.ts'
import { sourceEvents } from '../jobs/erase/source-events.ts'
import { eraseQualityDetails } from '../jobs/erase/table-rows.ts'
import type { JobContext } from '../jobs/job.ts'
import { carryOutReset } from '../jobs/reset.ts'
import { rebuildFacts } from '../sinks/clickhouse/rebuild-facts.ts'
import { epochOf } from '../sinks/fact-rows.ts'
import { shadowDirectory } from './backfill.ts'
import { personsOf, type EraseGround } from './erase-ground.ts'
import { writeErasure, type Erasure } from './erasure-records.ts'
import { ownFacts } from './fact-consumers.ts'
import { ownResetPlan } from './reset.ts'

interface Step {
  readonly text: string
  readonly run: () => Promise<unknown>
}

/** Until the facts are to be made again. */
export async function carryOutErasure(
  ground: EraseGround,
  erasure: Erasure,
  { signal, onProgress }: JobContext,
): Promise<void> {
  const { runs, foundation } = ground
  const steps = stepsOf(ground, erasure, signal)
  await runs.record('erase', requestOf(erasure), signal, async () => {
    for (const [done, { text, run }] of steps.entries()) {
      signal.throwIfAborted()
      onProgress({ text, done, total: steps.length })
      await run()
    }
    return totalsOf(erasure)
  })
  // The outcome of the run, too, lies where it was written over.
  onProgress({ text: 'the facts are to be made again', done: steps.length, total: steps.length })
  await writeErasure(foundation.meta, { ...erasure, state: 'replaying' })
}

/** Nobody by name: it is kept. */
export function requestOf({ id, topology, kind, subjects }: Erasure) {
  return { erasure: id, topology, kind, subjects: subjects.length }
}

function totalsOf({ events }: Erasure) {
  return {
    events: events.reduce((sum, of) => sum + of.events, 0),
    mentions: events.reduce((sum, of) => sum + of.mentions, 0),
  }
}

function stepsOf(ground: EraseGround, erasure: Erasure, signal: AbortSignal): readonly Step[] {
  const { configuration, foundation, log, clickhouse, codecs, topology } = ground
  const subjects = { kind: erasure.kind, names: new Set(erasure.subjects) }
  const persons = personsOf(ground, subjects)
  const common = { log, overwrites: true, signal }
  const overwriteEvents = async () => {
    for (const reach of erasure.events) {
      const of = persons.find(({ topic }) => topic.name === reach.topic)
      if (of !== undefined) await sourceEvents({ ...common, persons: of, reach })
    }
  }
  const { quarantine, runs } = codecs
  const own = { persons, topology: topology.graph.name, subjects, quarantine, runs }
  const reset = async () => {
    const { partitions } = configuration
    const { clock } = ground
    const asked = { position: { kind: 'earliest' }, withFacts: true, force: false } as const
    await carryOutReset(
      await ownResetPlan(foundation, [topology], { ...asked, partitions, clock }),
      () => {},
    )
  }
  const purge = async () => {
    // Of a backfill that was killed: it has events and facts of its own.
    await rm(join(configuration.dataDir, shadowDirectory), { recursive: true, force: true })
    await log.purge()
  }
  return [
    { text: 'events', run: overwriteEvents },
    { text: 'refused records and runs', run: () => ownRecords({ ...common, ...own }) },
    { text: 'quality', run: () => eraseQualityDetails(clickhouse, erasure.subjects) },
    { text: 'state and facts', run: reset },
    { text: 'tables', run: () => remakeTables(ground, signal) },
    { text: 'disk', run: purge },
  ]
}

async function remakeTables(ground: EraseGround, signal: AbortSignal): Promise<void> {
  const { log, sink, clickhouse, clock, codecs, topology, epochs } = ground
  const existing = new Set((await log.describeTopics()).map(({ name }) => name))
  const tables = [...topology.factTables, ...ownFacts].filter(({ topic }) =>
    existing.has(topic.name),
  )
  await rebuildFacts({
    log,
    sink,
    clickhouse,
    clock,
    facts: tables.map((fact) => ({ fact, codec: codecs.rows(fact.topic) })),
    epochOf: (topic) => epochOf(epochs, topic),
    signal,
  })
}
