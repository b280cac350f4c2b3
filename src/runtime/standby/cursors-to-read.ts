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
    if (mode === 'standby') following.push(...cursors)
    else if (mode === 'restoring') {
      restoring.push(...cursors.filter(({ fetchOffset, endOffset }) => fetchOffset < endOffset))
    }
  }
  const cursors = restoring.length > 0 ? restoring : following
  if (cursors.length <= partitionsMax) return cursors
  const first = turn % cursors.length
  return [...cursors.slice(first), ...cursors.slice(0, first)].slice(0, partitionsMax)
}
