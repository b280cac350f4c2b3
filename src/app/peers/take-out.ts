/** Members of groups whose process is known to be gone leave in its place, so that nobody waits for their session. */
import type { LogAdmin } from '../../log/log-admin.ts'
import { clientIdOf } from '../instance-identity.ts'

export interface GoneInstance {
  readonly applicationId: string
  readonly instanceId: string
}

/**
 * Static members stay: they are for being back before anybody takes their place (KIP-345).
 * A process that lives after all learns that it is no member, joins anew, and can have committed nothing in between.
 * @returns the groups that it was a member of
 */
export async function takeOut(
  admin: Pick<LogAdmin, 'describeGroup' | 'removeMembers'>,
  groupIds: readonly string[],
  { applicationId, instanceId }: GoneInstance,
): Promise<readonly string[]> {
  const clientId = clientIdOf(applicationId, instanceId)
  const found = await Promise.all(
    groupIds.map(async (groupId) => {
      const group = await admin.describeGroup(groupId)
      const members = (group?.members ?? []).filter(
        (member) => member.clientId === clientId && member.groupInstanceId === null,
      )
      if (members.length === 0) return null
      await admin.removeMembers(groupId, { members, reason: 'its process is gone' })
      return groupId
    }),
  )
  return found.filter((groupId) => groupId !== null)
}
