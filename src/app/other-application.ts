/**
 * Groups, changelogs and fact topics are named after the topology, not after the application: an instance of another
 * application (a staging beside production, on one Kafka) would take over a share of its tasks and write its facts.
 */
import { TidemarkError } from '../core/errors.ts'
import type { GroupMemberDescription, LogAdmin } from '../log/log-admin.ts'
import { decodeSubscription } from '../runtime/assignment/subscription-user-data.ts'
import { clientIdOf } from './instance-identity.ts'
import { readManifests } from './manifest-records.ts'
import type { MetaRecords } from './meta-records.ts'

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

export interface OthersTopologiesOptions {
  /** Of which this application has no records. */
  readonly unknown: ReadonlySet<string>
  readonly applicationId: string
  /** Of every application, by its name. */
  readonly metas: ReadonlyMap<string, Pick<MetaRecords, 'load'>>
}

/**
 * Topologies that have run here as another application's, and not as this one's: what this one would record of them none
 * of their instances reads.
 */
export async function refusalsOfOthersTopologies({
  unknown,
  applicationId,
  metas,
}: OthersTopologiesOptions): Promise<readonly TidemarkError[]> {
  const refusals: TidemarkError[] = []
  for (const [other, meta] of unknown.size === 0 ? [] : metas) {
    for (const name of (await readManifests(meta)).keys()) {
      if (!unknown.has(name)) continue
      const message =
        `${name} runs here as application ${other}, and not as ${applicationId}: its instances would not be told, and go ` +
        `on with the state that they have; give --application-id ${other}`
      refusals.push(new TidemarkError('REQUEST_INVALID', message, { details: { name, other } }))
    }
  }
  return refusals
}
