/**
 * Where the reading of a task's changelogs begins: at its checkpoint, where the state up to it is what the
 * changelog says. Where it is not, the store is wiped and restored in full.
 */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { Offset, Partition, TopicName } from '../../core/record.ts'
import type { StateBackend } from '../../core/state.ts'
import type { Log, PartitionDescription } from '../../log/log.ts'
import type { Checkpoints } from '../checkpoints.ts'
import type { KeptTask, StoreChangelog } from '../kept-task.ts'
import type { RestoreReason, WipedStore } from '../runtime-status.ts'
import { ChangelogCursor } from './changelog-cursor.ts'

export interface OpenCursorsOptions {
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly checkpoints: Checkpoints
  /** How long the log keeps a delete of this topic for readers that are behind (Kafka's `delete.retention.ms`). */
  readonly deleteRetentionMsOf: (changelog: StoreChangelog) => Promise<number>
  /** As `LogAdmin.topicIds`; empty of a log whose topics are never made anew. */
  readonly topicIdsOf: (topics: readonly TopicName[]) => Promise<ReadonlyMap<TopicName, string>>
  readonly stateFrom?: StateFrom
  readonly onWiped?: (wiped: WipedStore) => void
}

/** A changelog partition as it is now. */
interface ChangelogNow extends PartitionDescription {
  readonly topicId: string | null
}

/** Where the state begins in a topic that has been there for longer, as facts that outlive a reset; null: at the topic's
 * start. */
export type StateFrom = (topic: TopicName, partition: Partition) => Offset | null

/** A clock of another machine may differ, and a restore takes its time: be so much earlier, at most. */
const marginMaxMs = 10 * 60 * 1000

export async function openCursors(
  task: KeptTask,
  options: OpenCursorsOptions,
): Promise<ChangelogCursor[]> {
  const { log, clock } = options
  if (task.changelogs.length === 0) return []
  const topics = task.changelogs.map(({ topic }) => topic)
  // Before the offsets: where a topic is made anew in between, it is the old id that is kept, and the next look tells.
  const topicIds = await options.topicIdsOf(topics)
  const descriptions = await log.describeTopics(topics)
  const byName = new Map(descriptions.map((description) => [description.name, description]))
  const cursors: ChangelogCursor[] = []
  for (const changelog of task.changelogs) {
    const { topic } = changelog
    const { partition } = task.plan
    const description = present(byName.get(topic), `changelog topic ${topic}`)
    const found = present(
      description.partitions.find((candidate) => candidate.partition === partition),
      topicPartitionId({ topic, partition }),
    )
    const topicId = topicIds.get(topic) ?? null
    const at = { ...found, topicId, logStartOffset: beginningOf(topic, found, options) }
    const start = await startOf(task, changelog, at, options)
    const endOffset = at.highWatermark
    if (start.offset >= endOffset) options.checkpoints.noteComplete(task, topic)
    cursors.push(new ChangelogCursor({ task, changelog, ...start, endOffset }, clock))
  }
  return cursors
}

function beginningOf(
  topic: TopicName,
  { partition, logStartOffset, highWatermark }: PartitionDescription,
  { stateFrom }: OpenCursorsOptions,
): Offset {
  const from = stateFrom?.(topic, partition) ?? null
  return from === null
    ? logStartOffset
    : (Math.max(logStartOffset, Math.min(from, highWatermark)) as Offset)
}

async function startOf(
  task: KeptTask,
  changelog: StoreChangelog,
  at: ChangelogNow,
  options: OpenCursorsOptions,
): Promise<{ readonly offset: Offset; readonly fromScratch: RestoreReason | null }> {
  const reason = await reasonToWipe(task, changelog, at, options)
  const { checkpoints, onWiped } = options
  const { store, topic } = changelog
  if (reason !== null) {
    await checkpoints.wipe(task, changelog)
    onWiped?.({ taskId: task.plan.id, store, topic, reason })
  }
  if (at.topicId !== null) checkpoints.noteTopicId(task, topic, at.topicId)
  const reached = checkpoints.of(task, topic)
  if (reached !== null) return { offset: reached.offset, fromScratch: null }
  return { offset: at.logStartOffset, fromScratch: reason ?? 'no local state' }
}

async function reasonToWipe(
  task: KeptTask,
  changelog: StoreChangelog,
  { logStartOffset, highWatermark, topicId }: ChangelogNow,
  { state, clock, checkpoints, deleteRetentionMsOf }: OpenCursorsOptions,
): Promise<RestoreReason | null> {
  const reached = checkpoints.of(task, changelog.topic)
  if (reached === null) {
    const { store } = changelog
    const { partition } = task.plan
    const [first] = await state.scan({ store, partition, entriesMax: 1 })
    return first === undefined ? null : 'local state without a checkpoint'
  }
  const { offset, writtenMs } = reached
  if (topicId !== null && reached.topicId !== null && topicId !== reached.topicId)
    return 'checkpoint of a topic that was deleted and made anew'
  if (offset > highWatermark) return 'checkpoint beyond the end of the changelog'
  if (offset < logStartOffset) return 'checkpoint before the start of the changelog'
  if (offset === highWatermark) return null
  const retentionMs = await deleteRetentionMsOf(changelog)
  const usableMs = retentionMs - Math.min(marginMaxMs, retentionMs / 10)
  return clock.nowMs() - writtenMs > usableMs
    ? 'checkpoint older than the deletes that the changelog keeps'
    : null
}
