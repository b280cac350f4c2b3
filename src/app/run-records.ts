/** Who records the runs of an instance, or of a command that works without one. */
import type { Clock } from '../core/clock.ts'
import type { TopicName } from '../core/record.ts'
import { RunRecorder } from '../jobs/runs/run-recorder.ts'
import { runsFact } from '../jobs/runs/runs-fact.ts'
import type { Log } from '../log/log.ts'
import { epochOf } from '../sinks/fact-rows.ts'
import type { Sink } from '../sinks/sink.ts'
import type { MemberIdentity } from './foundation.ts'
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
