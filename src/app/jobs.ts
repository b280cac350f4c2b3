/** The jobs of an instance. */
import type { Job, ScheduledJob } from '../jobs/job.ts'
import { JobRunner } from '../jobs/runs/job-runner.ts'
import { featuresViewJob } from '../jobs/features-view.ts'
import { runsTrimJob } from '../jobs/runs/trim-job.ts'
import { instanceBackfill } from './backfill.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { instanceLake } from './lake/instance-lake.ts'
import { qualityJobs } from './quality/instance-quality.ts'
import type { Services } from './services.ts'

const featuresView = {
  job: 'features.view',
  request: {},
  everyMs: 60 * 60_000,
  // Samples and what waited in the log are there by then.
  firstMs: 60_000,
}
/** Old runs go once a day. */
const trimMs = 24 * 60 * 60_000

export interface InstanceJobs {
  readonly jobs: readonly Job[]
  readonly schedule: readonly ScheduledJob[]
}

/** What an instance can be asked to run, and what it runs by itself. */
export function jobsOf(configuration: Configuration, services: JobServices): InstanceJobs {
  const lake = instanceLake(configuration, services)
  const quality = qualityJobs(configuration, services)
  const { clickhouse, clock, runs: recorder } = services
  const { runsRetentionDays: retentionDays } = configuration
  const hasFeatures = services.topologies.some(({ graph }) => graph.name === 'adaptive-learning')
  const trimming = retentionDays === 0 ? [] : [{ job: 'runs.trim', request: {}, everyMs: trimMs }]
  return {
    jobs: [
      instanceBackfill(configuration, services),
      ...lake.jobs,
      ...quality.jobs,
      ...(hasFeatures ? [featuresViewJob(clickhouse)] : []),
      runsTrimJob({ clickhouse, recorder, clock, retentionDays }),
    ],
    schedule: [
      ...lake.schedule,
      ...quality.schedule,
      ...trimming,
      ...(hasFeatures ? [featuresView] : []),
    ],
  }
}

/** What jobs work on. */
export type JobServices = Omit<Services, 'jobs' | 'erasures'>

/** What was left running is told first; what is scheduled runs from now on. */
export async function openJobs(
  configuration: Configuration,
  services: JobServices,
  onProgress: (line: string) => void,
  cleanup: Cleanup,
): Promise<JobRunner> {
  const { runs: recorder, clock } = services
  const interrupted = await recorder.tellInterrupted()
  if (interrupted > 0) {
    onProgress(`${interrupted} runs were interrupted when the instance last ended`)
  }
  const runner = new JobRunner({ ...jobsOf(configuration, services), recorder, clock, onProgress })
  cleanup.add({ name: 'jobs', close: () => runner.stop() })
  runner.keepSchedule()
  return runner
}
