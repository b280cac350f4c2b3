/** What was fetched of changelogs becomes state: one write, with the checkpoints it leads to. */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import type { TopicName } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { StateBackend, StateChange } from '../../core/state.ts'
import type { FetchedPartition } from '../../log/log.ts'
import type { Checkpoints, Reached } from '../checkpoints.ts'
import type { Codecs } from '../codecs.ts'
import { changesOfFacts } from '../fact-changelog.ts'
import type { KeptTask, StoreChangelog } from '../kept-task.ts'
import type { ChangelogCursor } from './changelog-cursor.ts'

export interface FetchedChangelog {
  readonly cursor: ChangelogCursor
  readonly range: FetchedPartition
  /** It ends where its changelog does: what the store lacks then is not in it. */
  readonly isToTheEnd: boolean
}

export interface ApplyOptions {
  readonly state: StateBackend
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly codecs: Codecs
}

/** Resolves with the wall time of the write. */
export async function applyChangelogs(
  fetched: readonly FetchedChangelog[],
  to: ApplyOptions,
): Promise<number> {
  const { state, checkpoints, clock, codecs } = to
  const changes: StateChange[] = []
  const writtenMs = clock.nowMs()
  const reached = new Map<KeptTask, Map<TopicName, Reached>>()
  for (const { cursor, range, isToTheEnd } of fetched) {
    const { task, changelog, at } = cursor
    for (const change of await changesOf(changelog, range, codecs)) changes.push(change)
    const ofTask = reached.get(task) ?? new Map<TopicName, Reached>()
    ofTask.set(at.topic, { offset: range.nextOffset, isComplete: isToTheEnd })
    reached.set(task, ofTask)
  }
  for (const [task, ofTask] of reached) {
    for (const change of checkpoints.changes(task, ofTask, writtenMs)) changes.push(change)
  }
  await state.write(changes)
  for (const [task, ofTask] of reached) checkpoints.written(task, ofTask, writtenMs)
  for (const { cursor, range } of fetched) {
    cursor.offset = range.nextOffset
    cursor.records += range.records.length
  }
  return writtenMs
}

function changesOf(
  { store, facts }: StoreChangelog,
  { topic, partition, records }: FetchedPartition,
  codecs: Codecs,
): StateChange[] | Promise<StateChange[]> {
  if (facts !== null) return changesOfFacts(facts, records, { codecs, store, partition })
  return records.map(({ key, value }) => {
    const what = `key of a record of ${topicPartitionId({ topic, partition })}`
    return { store, partition, key: present(key, what), value }
  })
}
