/**
 * Two processes under one instance id would fence each other's transactions, and the group keeps one static member of
 * a name. Kafka does not tell a member that lives from one that was killed and whose session is not over yet, which is
 * this instance's own former life: so who is in the group under this id is asked at its own address whether it lives.
 */
import { pause, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { GroupMemberDescription, LogAdmin } from '../log/log-admin.ts'
import { decodeSubscription } from '../runtime/assignment/subscription-user-data.ts'
import type { InstanceStatus } from '../server/console/instance-status.ts'
import type { MemberIdentity } from './foundation.ts'
import { clientIdOf } from './instance-identity.ts'

export interface NamesakeOptions {
  readonly admin: Pick<LogAdmin, 'describeGroup'>
  readonly groupIds: readonly string[]
  readonly member: MemberIdentity
  readonly applicationId: string
  /** By which an instance of this cluster is known. */
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
}

/** A member's address is not told while its group rebalances. */
const rebalanceWaitMs = { each: 100, most: 2_000 }
const answerMaxMs = 2_000

/** @throws TidemarkError CONFIGURATION_INVALID where another process lives under this instance's id */
export async function refuseNamesake(options: NamesakeOptions): Promise<void> {
  for (const groupId of options.groupIds) {
    for (const found of await namesakesIn(groupId, options)) {
      const endpoint = decodeSubscription(found.userData)?.endpoint ?? null
      if (endpoint === null || !(await livesAt(endpoint, options))) continue
      throw refusal(groupId, found, endpoint, options)
    }
  }
}

async function namesakesIn(
  groupId: string,
  { admin, member, applicationId, clock }: NamesakeOptions,
): Promise<readonly GroupMemberDescription[]> {
  const { instanceId, groupInstanceId } = member
  const clientId = clientIdOf(applicationId, instanceId)
  const untilMs = clock.monotonicMs() + rebalanceWaitMs.most
  for (;;) {
    const group = await admin.describeGroup(groupId)
    const found = (group?.members ?? []).filter(
      (each) =>
        each.clientId === clientId ||
        (groupInstanceId !== null && each.groupInstanceId === groupInstanceId),
    )
    const isTold = found.every(({ userData }) => userData.length > 0)
    if (isTold || clock.monotonicMs() >= untilMs) return found
    await pause(clock, rebalanceWaitMs.each)
  }
}

/** Who answers for another instance is none. */
async function livesAt(endpoint: string, options: NamesakeOptions): Promise<boolean> {
  const other = await livingAt(endpoint, options)
  const { instanceId, groupInstanceId } = options.member
  return (
    other !== null &&
    (other.instanceId === instanceId ||
      (groupInstanceId !== null && other.groupInstanceId === groupInstanceId))
  )
}

/** The instance of the application that answers there; null where none does. One that is on its way out makes room. */
export async function livingAt(
  endpoint: string,
  { applicationId, headers, clock }: Pick<NamesakeOptions, 'applicationId' | 'headers' | 'clock'>,
): Promise<MemberIdentity | null> {
  const late = new AbortController()
  const cancel = clock.after(answerMaxMs, () => {
    late.abort()
  })
  try {
    const response = await fetch(`${endpoint}/api/status`, { headers, signal: late.signal })
    const { state, member: other } = (await response.json()) as Partial<InstanceStatus>
    return other?.applicationId === applicationId && !isOnItsWayOut(state) ? other : null
  } catch {
    return null
  } finally {
    cancel()
  }
}

function isOnItsWayOut(state: InstanceStatus['state'] | undefined): boolean {
  return state !== 'starting' && state !== 'running'
}

function refusal(
  groupId: string,
  { memberId, host }: GroupMemberDescription,
  endpoint: string,
  { member, applicationId }: NamesakeOptions,
): TidemarkError {
  const { instanceId, groupInstanceId } = member
  const setting = groupInstanceId === null ? 'instanceId' : 'groupInstanceId'
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `another process runs as instance ${instanceId} of application ${applicationId}: it answers at ${endpoint}, and is ` +
      `member ${memberId} of group ${groupId} from host ${host}. Two processes under one id fence each other: give this ` +
      `one a ${setting} of its own (without one it is kept in the data directory: never copy its instance-id), ` +
      'or stop the other first',
    { details: { instanceId, groupId, endpoint, host } },
  )
}
