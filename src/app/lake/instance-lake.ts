/** The lake of an instance: what its jobs work on. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { FactTable } from '../../core/fact-table.ts'
import { aggregatedTables } from '../../facts/aggregated.ts'
import type { ScheduledJob } from '../../jobs/job.ts'
import { lakeJobs } from '../../jobs/lake/jobs.ts'
import type { LakeOptions, LakeTable, LakeTopic } from '../../jobs/lake/lake-options.ts'
import { quarantineFact } from '../../quality/quarantine.ts'
import { DirectoryStorage } from '../../sinks/lake/directory-storage.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import type { Configuration } from '../configuration.ts'
import type { InstanceJobs, JobServices } from '../jobs.ts'
import { productVersion } from '../version.ts'
import type { LakePlace } from './lake-configuration.ts'

/** What a lake is made of. */
export type LakeServices = Pick<
  JobServices,
  'clickhouse' | 'log' | 'clock' | 'topologies' | 'ingest' | 'member'
>

export function instanceLake(configuration: Configuration, services: JobServices): InstanceJobs {
  const { place, writeIntervalMs } = configuration.lake
  const schedule: ScheduledJob[] = []
  // On a cluster each instance writes by itself: whoever finds another at it lets it be.
  const request = { skip_when_busy: true }
  if (place !== null) schedule.push({ job: 'lake.write', request, everyMs: writeIntervalMs })
  return { jobs: lakeJobs(lakeOptionsOf(configuration, services)), schedule }
}

export function lakeOptionsOf(configuration: Configuration, services: LakeServices): LakeOptions {
  const { place, compression, fileBytesMax, retentionDays, classes, pricePerGibMonth } =
    configuration.lake
  const { clickhouse, log, clock, topologies, ingest, member } = services
  const workDirectory = join(configuration.dataDir, 'lake-work')
  const facts = topologies.flatMap(({ factTables }) => factTables)
  return {
    openStorage: place === null ? null : () => openStorage(place, workDirectory, clock),
    clickhouse,
    log,
    clock,
    tables: [...facts, quarantineFact as FactTable].map(lakeTable),
    topics: [...ingest.topics.values()].map(({ definition, codec }): LakeTopic => ({
      layer: 'raw',
      name: definition.name,
      definition,
      codec,
    })),
    retentionDays,
    classes,
    pricePerGibMonth,
    compression,
    fileBytesMax,
    productVersion,
    holder: member?.instanceId ?? hostname(),
  }
}

async function openStorage(
  place: LakePlace,
  workDirectory: string,
  clock: Clock,
): Promise<LakeStorage> {
  if (place.kind === 'directory') return new DirectoryStorage({ ...place, clock })
  // Loaded only here: the client is large, and most instances have no bucket.
  const { S3Storage } = await import('../../sinks/lake/s3-storage.ts')
  const { kind: provider, credentials: held, ...rest } = place
  const credentials =
    held === null ? null : { ...held, secretAccessKey: held.secretAccessKey.reveal() }
  return new S3Storage({ ...rest, provider, credentials, workDirectory, clock })
}

export function lakeTable({ database, table, keyColumns, topic }: FactTable): LakeTable {
  const name = `${database}.${table}`
  return {
    layer: aggregatedTables.has(name) ? 'aggregated' : 'processed',
    name,
    database,
    table,
    keyColumns,
    bytesColumns: bytesFields(topic.schema),
  }
}

/** Both Avro's strings and its bytes are ClickHouse's String. */
function bytesFields(schema: object): ReadonlySet<string> {
  const { fields = [] } = schema as { fields?: readonly { name: string; type: unknown }[] }
  return new Set(fields.filter(({ type }) => holdsBytes(type)).map(({ name }) => name))
}

function holdsBytes(type: unknown): boolean {
  if (Array.isArray(type)) return type.some(holdsBytes)
  if (typeof type !== 'object' || type === null) return type === 'bytes'
  const { type: own, items, values } = type as Readonly<Record<string, unknown>>
  return [own, items, values].some(holdsBytes)
}
