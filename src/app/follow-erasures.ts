/**
 * What an erasure has left to an instance that runs: facts are whole once all events are processed, then the lake follows, and the
 * request loses its names.
 */
import { messageOf } from '../core/errors.ts'
import { eraseRaw, removeEmptied } from '../jobs/erase/lake-records.ts'
import { Persons } from '../jobs/erase/subjects.ts'
import { LakeLock } from '../jobs/lake/lake-lock.ts'
import { withLake, type LakeOptions } from '../jobs/lake/lake-options.ts'
import { lakeWriteJob } from '../jobs/lake/write-job.ts'
import { quarantineFact } from '../quality/quarantine.ts'
import { qualifiedName } from '../sinks/clickhouse/fact-table-ddl.ts'
import { ask } from '../sinks/clickhouse/run-statement.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { requestOf } from './erase-steps.ts'
import { readErasures, subjectHashes, writeErasure, type Erasure } from './erasure-records.ts'
import { ownFactsName } from './fact-consumers.ts'
import type { JobServices } from './jobs.ts'
import { lakeOptionsOf } from './lake/instance-lake.ts'
import { ownMetaRecords } from './meta-records.ts'

/** @returns resolves when nothing is left; rejects with what stood in the way, which the next start tries again */
export function followErasures(
  configuration: Configuration,
  services: JobServices,
  onProgress: (line: string) => void,
  cleanup: Cleanup,
): Promise<void> {
  if (services.profile !== 'embedded') return Promise.resolve()
  const stopping = new AbortController()
  const followed = followAll(configuration, services, stopping.signal)
  const settled = followed.catch((thrown: unknown) => {
    if (!stopping.signal.aborted) onProgress(`erasing is not done yet: ${messageOf(thrown)}`)
  })
  const close = async () => {
    stopping.abort()
    await settled
  }
  cleanup.add({ name: 'erasing', close })
  return followed
}

async function followAll(
  configuration: Configuration,
  services: JobServices,
  signal: AbortSignal,
): Promise<void> {
  const meta = ownMetaRecords(configuration.dataDir)
  const running = new Set(services.topologies.map(({ graph }) => graph.name))
  for (const erasure of await readErasures(meta)) {
    if (erasure.state !== 'replaying' || !running.has(erasure.topology)) continue
    const request = requestOf(erasure)
    await services.runs.record('erase.follow', request, signal, async () => {
      await untilProcessed(services, erasure, signal)
      const lakeEvents = await eraseInLake(configuration, services, erasure, signal)
      return lakeEvents === null ? {} : { lake_events: lakeEvents }
    })
    const hashOf = await subjectHashes(configuration.dataDir)
    const done_at = new Date(services.clock.nowMs()).toISOString()
    const subjects = erasure.subjects.map(hashOf)
    await writeErasure(meta, { ...erasure, state: 'done', done_at, subjects })
  }
}

async function untilProcessed(
  { runtime, consumers }: JobServices,
  { topology }: Erasure,
  signal: AbortSignal,
): Promise<void> {
  const over = Promise.withResolvers<never>()
  over.promise.catch(() => {})
  const onAbort = () => {
    over.reject(signal.reason as Error)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    await Promise.race([runtime.whenIdle(signal), over.promise])
    for (const name of [topology, ownFactsName]) {
      await Promise.race([consumers.get(name)?.drain(signal), over.promise])
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Null where there is none. */
async function eraseInLake(
  configuration: Configuration,
  services: JobServices,
  erasure: Erasure,
  signal: AbortSignal,
): Promise<number | null> {
  const options = lakeOptionsOf(configuration, services)
  if (options.openStorage === null) return null
  const events = await withLake(options, signal, async (run) => {
    const lock = await LakeLock.take(run)
    try {
      const writing = { ...run, lock }
      let found = 0
      const subjects = { kind: erasure.kind, names: new Set(erasure.subjects) }
      for (const topic of ofTopology(services, erasure, options)) {
        const persons = new Persons(topic.definition, topic.codec, subjects)
        if (persons.areNamed) found += await eraseRaw(writing, topic, persons)
      }
      for (const table of await emptyTables(services, erasure, options)) {
        await removeEmptied(writing, table)
      }
      return found
    } finally {
      await lock.release()
    }
  })
  await lakeWriteJob(options).run({ skipWhenBusy: false }, { signal, onProgress: () => {} })
  return events
}

function ofTopology(
  { topologies }: JobServices,
  { topology }: Erasure,
  { topics }: LakeOptions,
): LakeOptions['topics'] {
  const graph = topologies.find((loaded) => loaded.graph.name === topology)?.graph
  const sources = new Set(
    graph?.nodes.flatMap((node) => (node.kind === 'source' ? [node.topic.name] : [])),
  )
  return topics.filter(({ definition }) => sources.has(definition.name))
}

async function emptyTables(
  { topologies, clickhouse }: JobServices,
  { topology }: Erasure,
  { tables }: LakeOptions,
): Promise<LakeOptions['tables']> {
  const facts = topologies.find(({ graph }) => graph.name === topology)?.factTables ?? []
  const own = new Set([...facts, quarantineFact].map((fact) => `${fact.database}.${fact.table}`))
  const empty: LakeOptions['tables'][number][] = []
  for (const table of tables.filter(({ name }) => own.has(name))) {
    const query = `SELECT 1 AS one FROM ${qualifiedName(table)} LIMIT 1`
    if ((await ask(clickhouse, query)).length === 0) empty.push(table)
  }
  return empty
}
