import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../core/clock.ts'
import type { GroupDescription, GroupMemberDescription } from '../log/log-admin.ts'
import { encodeSubscription } from '../runtime/assignment/subscription-user-data.ts'
import { refuseNamesake } from './namesake.ts'

const applicationId = 'learning'
const member = { instanceId: 'tidemark-3', groupInstanceId: 'tidemark-3' }

let server: Server
let endpoint: string
/** What the one in the group answers; null hangs up. */
let status: unknown
/** What it was shown by who asked it. */
let shown: string | undefined

beforeEach(async () => {
  status = { state: 'running', member: { applicationId, ...member } }
  server = createServer((request, response) => {
    shown = request.headers.authorization
    if (status === null) request.socket.destroy()
    else response.end(JSON.stringify(request.url === '/api/status' ? status : {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

function described(
  processId: string,
  groupInstanceId: string | null,
  at: string | null,
): GroupMemberDescription {
  return {
    memberId: 'member-1',
    groupInstanceId,
    clientId: `learning-${processId}`,
    host: '/10.0.0.3',
    userData: encodeSubscription({ processId, endpoint: at, rack: null, capacity: 1, states: [] }),
    assignmentUserData: Buffer.alloc(0),
    assigned: [],
  }
}

/** @param descriptions what is told of the group, the last one from then on */
function start(...descriptions: readonly (GroupDescription | null)[]): Promise<void> {
  const told = [...descriptions]
  const describeGroup = () => {
    const [next = null] = told.length > 1 ? told.splice(0, 1) : told
    return Promise.resolve(next)
  }
  const admin = { describeGroup }
  return refuseNamesake({
    admin,
    groupIds: ['mcq'],
    member,
    applicationId,
    headers: { authorization: 'Bearer of-all-instances' },
    clock: systemClock,
  })
}

function group(...members: GroupMemberDescription[]): GroupDescription {
  return { groupId: 'mcq', state: 'stable', members }
}

test('a process that lives under the id is refused, with who, where and how to mend it', async () => {
  const refused = {
    code: 'CONFIGURATION_INVALID',
    message:
      /instance tidemark-3 of application learning: it answers at http:.*member-1 of group mcq from host .*groupInstanceId of its own/,
  }
  await assert.rejects(start(group(described('tidemark-3', 'tidemark-3', endpoint))), refused)
  assert.equal(shown, 'Bearer of-all-instances')
  await assert.rejects(start(group(described('tidemark-3', null, endpoint))), refused)
  status = { state: 'starting', member: { applicationId, ...member, instanceId: 'own' } }
  await assert.rejects(start(group(described('own', 'tidemark-3', endpoint))), refused)
})

test('one’s own former life, which nobody answers for, is none', async () => {
  const former = group(described('tidemark-3', 'tidemark-3', endpoint))
  status = null
  await start(former)
  status = { state: 'stopping', member: { applicationId, ...member } }
  await start(former)
  await start(group(described('tidemark-3', 'tidemark-3', null)))
})

test('others of the group, of another application, or at an address that is another’s now are none', async () => {
  await start(null)
  await start(group(described('tidemark-2', 'tidemark-2', endpoint)))
  const same = group(described('tidemark-3', 'tidemark-3', endpoint))
  status = { state: 'running', member: { applicationId: 'another', ...member } }
  await start(same)
  const other = { instanceId: 'tidemark-4', groupInstanceId: 'tidemark-4' }
  status = { state: 'running', member: { applicationId, ...other } }
  await start(same)
  status = { state: 'running', member: null }
  await start(same)
})

test('a group that rebalances is asked again, since it tells no addresses then', async () => {
  const found = described('tidemark-3', 'tidemark-3', endpoint)
  const rebalancing: GroupDescription = {
    ...group({ ...found, userData: Buffer.alloc(0) }),
    state: 'rebalancing',
  }
  await assert.rejects(start(rebalancing, rebalancing, group(found)), /another process runs/)
})
