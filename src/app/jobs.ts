/** The jobs of an instance, and who records their runs. */
import type { Clock } from '../core/clock.ts'
import type { TopicName } from '../core/record.ts'
import type { Job, ScheduledJob } from '../jobs/job.ts'
import { JobRunner } from '../jobs/runs/job-runner.ts'
import { RunRecorder } from '../jobs/runs/run-recorder.ts'
import { runsFact } from '../jobs/runs/runs-fact.ts'
import type { Log } from '../log/log.ts'
import { epochOf } from '../sinks/fact-rows.ts'
import type { Sink } from '../sinks/sink.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import type { MemberIdentity } from './foundation.ts'
import type { Services } from './services.ts'
import type { TopicCodecs } from './topic-codecs.ts'

export interface RecorderParts {
  readonly log: Log
  readonly sink: Sink
  readonly clock: Clock
  readonly codecs: TopicCodecs
  readonly member: MemberIdentity | null
  /** The high bits of the facts' versions, the runs' among them. */
  readonly epoch: number | ReadonlyMap<TopicName, number>
}

/** The name in `tidemark.runs` of an instance that is the only one. */
const onlyInstance = 'local'

/** Before the epochs of the facts are asked for. */
export async function createRunsTopic(log: Log): Promise<void> {
  const { name, cleanupPolicy, retentionMs } = runsFact.topic
  await log.createTopics([{ name, partitionCount: 1, cleanupPolicy, retentionMs }])
}

export function recorderOf({ log, sink, clock, codecs, member, epoch }: RecorderParts) {
  return new RunRecorder({
    log,
    sink,
    clock,
    codec: codecs.runs,
    epoch: epochOf(epoch, runsFact.topic.name),
    instance: member?.instanceId ?? onlyInstance,
  })
}

export interface InstanceJobs {
  readonly jobs: readonly Job[]
  readonly schedule: readonly ScheduledJob[]
}

/** What an instance can be asked to run, and what it runs by itself. */
export function jobsOf(_configuration: Configuration, _services: JobServices): InstanceJobs {
  return { jobs: [], schedule: [] }
}

/** What jobs work on. */
export type JobServices = Omit<Services, 'jobs'>

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
