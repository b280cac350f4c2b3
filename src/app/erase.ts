/**
 * Persons taken out of all that a data directory has of a topology, as if their events had never come (law 1).
 *
 *  1. The request is recorded first. From then on it is carried out: by this command, or by whatever opens the data directory next.
 *  2. Every step may be done again from its beginning, so a crash anywhere costs no more than that.
 *  3. State and facts are not mended: they are made again from the events that are left. So nothing has to know how to forget.
 *  4. Bytes leave the disk, not only the answers.
 */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { ownRecords, type FoundOwnRecords } from '../jobs/erase/own-records.ts'
import { reachOf, sourceEvents, type FoundEvents } from '../jobs/erase/source-events.ts'
import { rowsOf, type FoundRows } from '../jobs/erase/table-rows.ts'
import type { JobContext } from '../jobs/job.ts'
import { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { carryOutErasure } from './erase-steps.ts'
import { openEraseGround, personsOf, type EraseGround } from './erase-ground.ts'
import { readErasures, writeErasure, type Erasure } from './erasure-records.ts'
import { ownMetaRecords } from './meta-records.ts'
import { bundledTopologyNames } from './topologies.ts'

export interface EraseRequest {
  readonly topology: string
  /** What the persons are in the topology; null where there is one kind of them. */
  readonly kind: string | null
  readonly names: readonly string[]
  /** Tells what is there, and changes nothing. */
  readonly dryRun: boolean
  /** Goes on where the log no longer has the first events: what rests on those alone is lost. */
  readonly retainedOnly: boolean
}

export interface EraseCall extends JobContext {
  /** A line for the operator: what is waited for. */
  readonly onWait: (line: string) => void
}

export interface EraseReport extends FoundOwnRecords {
  readonly topology: string
  readonly kind: string
  readonly subjects: number
  readonly dry_run: boolean
  /** The request's id; null where none was made: of a dry run, or where nobody was found. */
  readonly erasure: string | null
  readonly events: readonly FoundEvents[]
  readonly rows: readonly FoundRows[]
}

/** Facts are whole again once an instance has run until it was idle.
 * @throws TidemarkError REQUEST_INVALID | CONFIGURATION_INVALID | DATA_DIR_IN_USE | JOB_INTERRUPTED */
export async function eraseSubjects(
  configuration: Configuration,
  request: EraseRequest,
  call: EraseCall,
): Promise<EraseReport> {
  if (configuration.cluster !== null) throw onCluster()
  if (!request.dryRun) await finishErasures(configuration, call.onWait, call.signal)
  return await withGround(configuration, request.topology, call, async (ground) => {
    const found = await look(ground, request, call)
    const isThere = [...found.events.map(({ events, mentions }) => events + mentions)]
    const sum = [...isThere, ...found.rows.map(({ rows }) => rows), found.quarantined, found.runs]
    const isNobody = sum.every((count) => count === 0) && configuration.lake.place === null
    if (request.dryRun || isNobody) return found
    if (!request.retainedOnly) await refuseGaps(ground)
    const erasure: Erasure = {
      id: randomUUID(),
      topology: found.topology,
      module: moduleOf(ground),
      kind: found.kind,
      state: 'requested',
      requested_at: new Date(ground.clock.nowMs()).toISOString(),
      done_at: null,
      subjects: request.names,
      events: found.events,
    }
    await writeErasure(ground.foundation.meta, erasure)
    await carryOutErasure(ground, erasure, call)
    return { ...found, erasure: erasure.id }
  })
}

/** What a crash has left of requests, before anything else works on the data directory. */
export async function finishErasures(
  configuration: Configuration,
  onWait: (line: string) => void,
  signal = new AbortController().signal,
): Promise<void> {
  if (configuration.cluster !== null) return
  const call = { signal, onWait, onProgress: () => {} }
  for (const erasure of await readErasures(ownMetaRecords(configuration.dataDir))) {
    if (erasure.state !== 'requested') continue
    onWait(`erasing in ${erasure.topology}: what was asked for at ${erasure.requested_at}`)
    await withGround(configuration, erasure.module, call, (ground) =>
      carryOutErasure(ground, erasure, call),
    )
  }
}

async function withGround<T>(
  configuration: Configuration,
  topology: string,
  { onWait }: EraseCall,
  use: (ground: EraseGround) => Promise<T>,
): Promise<T> {
  const cleanup = new Cleanup({ clock: systemClock, onOverdue: onWait })
  try {
    return await use(await openEraseGround(configuration, topology, cleanup, onWait))
  } finally {
    await cleanup.run()
  }
}

async function look(
  ground: EraseGround,
  request: EraseRequest,
  { signal, onProgress }: EraseCall,
): Promise<EraseReport> {
  const kind = kindOf(ground, request.kind)
  const subjects = { kind, names: new Set(request.names) }
  const persons = personsOf(ground, subjects)
  const options = { log: ground.log, overwrites: false, signal }
  const events: FoundEvents[] = []
  const reaches = await reachOf(ground.log, persons)
  for (const [done, reach] of reaches.entries()) {
    onProgress({ text: `looking through ${reach.topic}`, done, total: reaches.length })
    const of = persons.find(({ topic }) => topic.name === reach.topic)
    if (of !== undefined) events.push(await sourceEvents({ ...options, persons: of, reach }))
  }
  const { codecs, topology, clickhouse } = ground
  const { quarantine, runs } = codecs
  const own = { ...options, persons, topology: topology.graph.name, subjects, quarantine, runs }
  const columns = personColumns(ground, kind)
  const tables = topology.factTables
  return {
    topology: topology.graph.name,
    kind,
    subjects: subjects.names.size,
    dry_run: request.dryRun,
    erasure: null,
    events,
    ...(await ownRecords(own)),
    rows: await rowsOf(clickhouse, tables, columns, request.names),
  }
}

/** Whatever directory the next start is in. */
function moduleOf({ topology: { graph, moduleUrl } }: EraseGround): string {
  return bundledTopologyNames().includes(graph.name) ? graph.name : fileURLToPath(moduleUrl)
}

/** The names that tables have for the fields: `studentId` is `student_id` or `student_identification` there. */
function personColumns({ sources }: EraseGround, kind: string): ReadonlySet<string> {
  const fields = [...sources.values()].flatMap(({ persons = [] }) => persons)
  const own = fields.filter((field) => field.kind === kind).map(({ field }) => field)
  return new Set([...own, `${kind}_id`, `id_${kind}`, `${kind}_identification`])
}

function kindOf({ sources, topology }: EraseGround, asked: string | null): string {
  const name = topology.graph.name
  for (const [topic, { persons }] of sources) {
    if (persons !== undefined) continue
    throw invalid(
      `topic ${topic} does not say which of its fields name a person: its definition needs persons, empty where none does`,
    )
  }
  const kinds = new Set(
    [...sources.values()].flatMap(({ persons = [] }) => persons.map(({ kind }) => kind)),
  )
  if (kinds.size === 0) throw invalid(`${name} has no topic whose events name a person`)
  const known = [...kinds].sort().join(', ')
  if (asked !== null && !kinds.has(asked)) {
    throw invalid(`${name} knows no ${asked}; its persons are ${known}`)
  }
  const [only] = kinds
  if (asked !== null) return asked
  if (kinds.size > 1 || only === undefined) {
    throw invalid(`${name} has several kinds of persons: say which with --kind, one of ${known}`)
  }
  return only
}

/** Facts that rest on events which are gone would not come again. */
async function refuseGaps({ log, sources }: EraseGround): Promise<void> {
  const names = [...sources.keys()]
  for (const { name, partitions } of await log.describeTopics()) {
    const gone = partitions.find(({ logStartOffset }) => logStartOffset > 0)
    if (!names.includes(name) || gone === undefined) continue
    throw invalid(
      `the log no longer has the first events of ${name}-${gone.partition} (before offset ${gone.logStartOffset}), and facts are made ` +
        'again from the events that it has: with --retained-only those of others that rest on what is gone are lost, too',
    )
  }
}

function onCluster(): TidemarkError {
  return invalid(
    'erase works on a data directory’s own log: events that lie in Kafka cannot be written over; docs/erasure.md says what can be done there',
  )
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message)
}
