/**
 * Groups, changelogs and fact topics are named after the topology, not after the application: an instance of another
 * application (a staging beside production, on one Kafka) would take over a share of its tasks and write its facts.
 */
import { TidemarkError } from '../core/errors.ts'
import type { GroupMemberDescription, LogAdmin } from '../log/log-admin.ts'
import { decodeSubscription } from '../runtime/assignment/subscription-user-data.ts'
import { clientIdOf } from './instance-identity.ts'

export interface OtherApplicationOptions {
  readonly admin: Pick<LogAdmin, 'describeGroup'>
  readonly groupIds: readonly string[]
  readonly applicationId: string
}

/** @throws TidemarkError GROUP_ACTIVE where a group has members of another application */
export async function refuseOtherApplication({
  admin,
  groupIds,
  applicationId,
}: OtherApplicationOptions): Promise<void> {
  for (const groupId of groupIds) {
    const group = await admin.describeGroup(groupId)
    const other = group?.members.find((member) => isOfAnother(member, applicationId))
    if (other === undefined) continue
    const { clientId, host } = other
    throw new TidemarkError(
      'GROUP_ACTIVE',
      `group ${groupId} is run by another application than ${applicationId}: ${clientId} from host ${host}. Groups and ` +
        'topics are named after the topology, so the two would share its tasks and write the same facts: give this one ' +
        'a Kafka of its own, or the same applicationId where it is meant to take part; after a change of the ' +
        'applicationId stop the instances of the old one first',
      { details: { groupId, clientId, host } },
    )
  }
}

/** Told by the client id, whose second part the member tells itself; unknown while the group rebalances. */
function isOfAnother(
  { clientId, userData }: GroupMemberDescription,
  applicationId: string,
): boolean {
  const processId = decodeSubscription(userData)?.processId
  return (
    processId !== undefined &&
    clientId.endsWith(`-${processId}`) &&
    clientId !== clientIdOf(applicationId, processId)
  )
}
