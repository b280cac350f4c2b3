import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GroupMemberDescription } from '../log/log-admin.ts'
import { encodeSubscription } from '../runtime/assignment/subscription-user-data.ts'
import { refuseOtherApplication } from './other-application.ts'

function memberOf(clientId: string, processId: string | null): GroupMemberDescription {
  const told = { endpoint: null, rack: null, capacity: 1, states: [] }
  return {
    memberId: 'm',
    groupInstanceId: null,
    clientId,
    host: '/10.0.0.3',
    userData: processId === null ? Buffer.alloc(0) : encodeSubscription({ ...told, processId }),
    assignmentUserData: Buffer.alloc(0),
    assigned: [],
  }
}

function start(applicationId: string, ...members: readonly GroupMemberDescription[]) {
  const group = { groupId: 'mcq', state: 'stable' as const, members }
  const describeGroup = () => Promise.resolve(members.length === 0 ? null : group)
  return refuseOtherApplication({ admin: { describeGroup }, groupIds: ['mcq'], applicationId })
}

test('a group of another application is refused, also where one name begins with the other', async () => {
  const refused = {
    code: 'GROUP_ACTIVE',
    message: /mcq is run by another application.*10\.0\.0\.3/,
  }
  const member = memberOf('learning-staging-0', '0')
  await assert.rejects(start('learning', member), refused)
  await assert.rejects(start('staging', memberOf('learning-a', 'a'), member), refused)
})

test('its own members, strangers and those of whom nothing is told are let be', async () => {
  await start('learning')
  await start('learning', memberOf('learning-staging-0', 'staging-0'), memberOf('learning-b', 'b'))
  await start('learning', memberOf('some-tool', 'x'), memberOf('staging-0', null))
})
