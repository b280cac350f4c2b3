/** The quality of an instance's tables: what is expected of what runs here, the jobs that measure it, the latest scores. */
import { TidemarkError } from '../../core/errors.ts'
import type { Job, ScheduledJob } from '../../jobs/job.ts'
import { checkNamesOf } from '../../jobs/quality/check-names.ts'
import { tableName } from '../../jobs/quality/expectation.ts'
import { bundledExpectations, expectationsOf } from '../../jobs/quality/expectations/of-topology.ts'
import type { JudgedTopology } from '../../jobs/quality/measure-quality.ts'
import {
  qualityCheckJob,
  qualityProfileJob,
  qualityReportJob,
  type QualityPorts,
} from '../../jobs/quality/quality-jobs.ts'
import { readLatestScores, type LatestScores } from '../../jobs/quality/quality-store.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import type { Configuration } from '../configuration.ts'
import type { JobServices } from '../jobs.ts'
import { sourceTopicsOf } from '../source-topics.ts'
import type { LoadedTopology } from '../topologies.ts'

/** The scores of the last check over all topologies; null before the first. */
export interface LatestQuality {
  scores: LatestScores | null
}

/** After a start: facts that wait for ClickHouse go first. */
const firstCheckMs = 2 * 60_000
/** Instances that start together do not measure together. */
const spreadMs = 5 * 60_000

/** What an earlier instance has measured is told from the start. */
export async function openLatestQuality(clickhouse: ClickHouse): Promise<LatestQuality> {
  return { scores: await readLatestScores(clickhouse) }
}

export interface QualityJobs {
  readonly jobs: readonly Job[]
  readonly schedule: readonly ScheduledJob[]
}

/** @throws TidemarkError CONFIGURATION_INVALID where a threshold is of a check that there is not */
export function qualityJobs(
  { quality }: Configuration,
  { clickhouse, clock, topologies, runtime, consumers, member, quality: latest }: JobServices,
): QualityJobs {
  const judged = topologies.map((loaded) => judgedTopology(loaded, { runtime, consumers }))
  refuseUnknownThresholds(quality.thresholds, judged)
  const ports: QualityPorts = {
    clickhouse,
    clock,
    topologies: judged,
    options: quality,
    onScores: (scores) => {
      latest.scores = scores
    },
  }
  const everyMs = quality.checkIntervalMs
  // Of several instances one measures, and the others take over what it has found.
  const request = { age_max_ms: Math.floor(everyMs / 2) }
  const firstMs = Math.min(everyMs, firstCheckMs + offsetMs(member?.instanceId ?? ''))
  return {
    jobs: [qualityCheckJob(ports), qualityReportJob(ports), qualityProfileJob(ports)],
    schedule: [{ job: 'quality.check', request, everyMs, firstMs }],
  }
}

/** The same for the same name, in [0, `spreadMs`); 0 for the empty one. */
function offsetMs(instanceId: string): number {
  let hash = 0
  for (const character of instanceId)
    hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % spreadMs
  return hash
}

function judgedTopology(
  loaded: LoadedTopology,
  { runtime, consumers }: Pick<JobServices, 'runtime' | 'consumers'>,
): JudgedTopology {
  const { name } = loaded.graph
  return {
    expectations: expectationsOf(name, loaded.factTables),
    sourceTopics: [...sourceTopicsOf([loaded]).keys()],
    lag: () => ({
      records: runtime.status().byTopology.get(name)?.lag ?? 0,
      factRows: consumers.get(name)?.status().lagTotal ?? 0,
    }),
  }
}

/** A threshold of a topology that does not run now is none of a slip of the pen. */
function refuseUnknownThresholds(
  thresholds: ReadonlyMap<string, number>,
  judged: readonly JudgedTopology[],
): void {
  const all = [...bundledExpectations, ...judged.map(({ expectations }) => expectations)]
  const tables = all.flatMap((expectations) => expectations.tables)
  const known = new Set(
    tables.flatMap((table) => checkNamesOf(table).map((check) => `${tableName(table)}/${check}`)),
  )
  for (const name of thresholds.keys()) {
    if (known.has(name) || name.startsWith('tidemark.quarantine/refused_')) continue
    const [table = ''] = name.split('/')
    const near = [...known].filter((each) => each.startsWith(`${table}/`))
    const mend =
      near.length === 0 ? `nothing is expected of ${table}` : `there are ${near.join(', ')}`
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `quality.thresholds: no check ${name}; ${mend}`,
    )
  }
}
