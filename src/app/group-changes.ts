/** How the topics that a running group reads differ from those that the code reads. */
import type { PartitionOffset } from '../log/log.ts'
import type { GroupDescription } from '../log/log-admin.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { TopologyManifest } from '../topology/manifest.ts'

export function groupChanges(
  wanted: TopologyManifest,
  { members }: GroupDescription,
  offsets: readonly PartitionOffset[],
): readonly TopologyChange[] {
  const assigned = members.flatMap((member) => member.assigned.map(({ topic }) => topic))
  const reads = new Set<string>([...assigned, ...offsets.map(({ topic }) => topic)])
  if (reads.size === 0) return []
  const now = new Set(wanted.subTopologies.flatMap(({ sources }) => sources))
  const changes: TopologyChange[] = []
  for (const name of now) {
    if (reads.has(name)) continue
    changes.push({
      kind: 'source-added',
      name,
      verdict: 'goes',
      effect: 'the group does not read it yet: it is read from its start',
      accept: null,
    })
  }
  for (const name of reads) {
    if (now.has(name)) continue
    changes.push({
      kind: 'source-dropped',
      name,
      verdict: 'notice',
      effect: 'the group reads it and would no longer',
      accept: null,
    })
  }
  return changes
}
