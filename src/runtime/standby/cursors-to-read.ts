import { topicPartitionId } from '../../core/record.ts'
import type { ChangelogCursor } from './changelog-cursor.ts'
import type { TaskState } from './task-state.ts'

/** What the next fetch reads: of tasks that are restored, or else of standbys; from `turn` on where there are more
 * than `partitionsMax`. */
export function cursorsToRead(
  states: Iterable<TaskState>,
  partitionsMax: number,
  turn: number,
): ChangelogCursor[] {
  const restoring: ChangelogCursor[] = []
  const following: ChangelogCursor[] = []
  for (const { mode, cursors } of states) {
    if (cursors === null) continue
    const isBefore = ({ fetchOffset, endOffset }: ChangelogCursor) => fetchOffset < endOffset
    // A table's source is read up to where the task is, whether more is there or not.
    if (mode === 'standby') {
      following.push(...cursors.filter((cursor) => !cursor.isSource || isBefore(cursor)))
    } else if (mode === 'restoring') restoring.push(...cursors.filter(isBefore))
  }
  const cursors = oncePerPartition(restoring.length > 0 ? restoring : following)
  if (cursors.length <= partitionsMax) return cursors
  const first = turn % cursors.length
  return [...cursors.slice(first), ...cursors.slice(0, first)].slice(0, partitionsMax)
}

/** Topologies that have tables of one source read it each for itself: the one that is behind goes first. */
function oncePerPartition(cursors: readonly ChangelogCursor[]): ChangelogCursor[] {
  const byPartition = new Map<string, ChangelogCursor>()
  for (const cursor of cursors) {
    const id = topicPartitionId(cursor.at)
    const other = byPartition.get(id)
    if (other === undefined || cursor.fetchOffset < other.fetchOffset) byPartition.set(id, cursor)
  }
  return [...byPartition.values()]
}
