/** What the leader tells a member beside its partitions. */
import { UserDataWriter, readUserData } from './user-data-bytes.ts'

export interface HostTasks {
  readonly active: readonly string[]
  readonly standby: readonly string[]
}

export interface AssignmentUserData {
  /** Written by this version of the format. */
  readonly version: number
  /** Those too that their former owners have not let go of yet: a task runs once its partitions are assigned. */
  readonly active: readonly string[]
  readonly standby: readonly string[]
  /** Warm-ups, and standbys that are to become the task: it moves when they have caught up. */
  readonly awaited: readonly string[]
  /** Who has which task, of the whole group, by `host:port`; members that answer no queries are not in it. */
  readonly hosts: ReadonlyMap<string, HostTasks>
  /** Not null for the one member that has to ask for the next assignment after this long, because tasks wait for
   * their warm-ups. A member whose `awaited` have all caught up asks for it at once. */
  readonly probingRebalanceAfterMs: number | null
  /** Of all members of the group, each once; empty where the leader does not tell. */
  readonly processIds: readonly string[]
}

/**
 * 1: tasks and hosts. 2: and when to probe, and the processes; members of version 1 probe when their warm-ups have caught
 * up, and end nothing of a process that is gone.
 * A version is never changed once released; the next one appends.
 */
export const assignmentVersion = 2
const oldestReader = 1

/** @param version of the member that it is for, if that is older */
export function encodeAssignment(
  data: Omit<AssignmentUserData, 'version'>,
  version = assignmentVersion,
): Buffer {
  const writer = new UserDataWriter()
  const ids = (list: readonly string[]) => writer.list(list, (id) => writer.text(id))
  for (const list of [data.active, data.standby, data.awaited]) ids(list)
  writer.list([...data.hosts], ([endpoint, { active, standby }]) => {
    writer.text(endpoint)
    ids(active)
    ids(standby)
  })
  const written = Math.min(version, assignmentVersion)
  if (written >= 2) {
    writer.nullableNumber(data.probingRebalanceAfterMs)
    ids(data.processIds)
  }
  return writer.frame(written, oldestReader)
}

/** Of any version; null where the bytes are none that this version can read (another assignor's). */
export function decodeAssignment(bytes: Buffer): AssignmentUserData | null {
  return readUserData(bytes, assignmentVersion, (reader, version) => {
    const ids = () => reader.list(() => reader.text())
    return {
      version,
      active: ids(),
      standby: ids(),
      awaited: ids(),
      hosts: new Map(
        reader.list(() => [reader.text(), { active: ids(), standby: ids() }] as const),
      ),
      probingRebalanceAfterMs: version >= 2 ? reader.nullableNumber() : null,
      processIds: version >= 2 ? ids() : [],
    }
  })
}
