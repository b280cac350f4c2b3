/** What was fetched of changelogs becomes state: one write, with the checkpoints it leads to. */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import type { Offset, TopicName } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import type { StateBackend, StateChange } from '../../core/state.ts'
import type { FetchedPartition } from '../../log/log.ts'
import type { Checkpoints, WrittenState } from '../checkpoints.ts'
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
  const reached: (readonly [KeptTask, ReadonlyMap<TopicName, Offset>, WrittenState])[] = []
  for (const { cursor, range, isToTheEnd } of fetched) {
    const { task, changelog, at } = cursor
    for (const change of await changesOf(changelog, range, codecs)) changes.push(change)
    const positions = new Map([[at.topic, range.nextOffset]])
    const written = { writtenMs, isComplete: isToTheEnd }
    for (const change of checkpoints.changes(task, positions, written)) changes.push(change)
    reached.push([task, positions, written])
  }
  await state.write(changes)
  for (const [task, positions, written] of reached) checkpoints.written(task, positions, written)
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
