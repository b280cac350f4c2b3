/** Offsets with the membership of who commits them (KIP-447), on a real broker. */
import assert from 'node:assert/strict'

import { joinGroupV9, leaveGroupV5, syncGroupV5 } from '@platformatic/kafka'

import { systemClock } from '../../src/core/clock.ts'
import type { TidemarkError } from '../../src/core/errors.ts'
import type { TopicName } from '../../src/core/record.ts'
import { tolerantVersion, libraryVersion } from '../../src/log/kafka/connected-cluster.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { commitOffsets } from '../../src/log/kafka/offsets/commit-offsets.ts'
import { committedOffsets } from '../../src/log/kafka/offsets/committed-offsets.ts'
import type { GroupMetadata, TransactionalProducer } from '../../src/log/log.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import {
  around,
  at,
  clusterOf,
  contentOf,
  newTopic,
  noGroup,
  position,
  records,
  transactionsOn,
} from './transactions-support.ts'

const waiting = { clock: systemClock, giveUpAfterMs: 20_000 }

for (const protocolMax of [1, 2] as const) {
  kafkaTest(
    `protocol ${protocolMax}: a group whose generation is over is refused, those beside it commit`,
    async (kafka, t) => {
      const cluster = await clusterOf(t, kafka)
      const topic = await newTopic(cluster, kafka.unique('facts'))
      const transactionalId = kafka.unique('instance')
      const transactions = transactionsOn(cluster, {
        protocolMax,
        transactionalIdOf: () => transactionalId,
      })
      const stale = await join(cluster, kafka.unique('stale'))
      await join(cluster, stale.groupId, stale.memberId)
      const current = await join(cluster, kafka.unique('current'))
      const gone = { ...current, memberId: 'somebody who left' }
      const empty = noGroup(kafka.unique('empty'))
      const groups = [stale, current, gone, empty]
      const producers = await Promise.all(
        groups.map((_, index) => transactions.producer(`task ${index}`)),
      )
      const outcomes = await Promise.all(
        groups.map((group, index) => {
          const producer = producers[index]
          assert.ok(producer !== undefined)
          return outcomeOf(commit(producer, topic, `value ${index}`, group, index))
        }),
      )
      const fenced = 'PRODUCER_FENCED'
      assert.deepEqual(outcomes, [fenced, 'committed', fenced, 'committed'])
      const { committed } = await contentOf(cluster, topic)
      assert.deepEqual(committed.toSorted(), ['value 1', 'value 3'])
      assert.equal(await offsetOf(cluster, stale.groupId, topic), null)
      assert.equal(await offsetOf(cluster, current.groupId, topic), 1)
      assert.equal(await offsetOf(cluster, empty.groupId, topic), 3)
    },
  )

  kafkaTest(
    `protocol ${protocolMax}: a static member that was replaced is refused`,
    async (kafka, t) => {
      const cluster = await clusterOf(t, kafka)
      const topic = await newTopic(cluster, kafka.unique('facts'))
      const groupId = kafka.unique('group')
      const first = await join(cluster, groupId, '', 'pod-0')
      const second = await join(cluster, groupId, '', 'pod-0')
      assert.notEqual(first.memberId, second.memberId)
      const transactions = transactionsOn(cluster, { protocolMax })
      const producer = await transactions.producer(kafka.unique('task'))
      assert.equal(await outcomeOf(commit(producer, topic, 'first', first, 1)), 'PRODUCER_FENCED')
      assert.equal(await outcomeOf(commit(producer, topic, 'second', second, 2)), 'committed')
      assert.deepEqual((await contentOf(cluster, topic)).committed, ['second'])
      assert.equal(await offsetOf(cluster, groupId, topic), 2)
    },
  )

  kafkaTest(
    `protocol ${protocolMax}: committed offsets are read only once the transaction is over`,
    async (kafka, t) => {
      const cluster = await clusterOf(t, kafka)
      const topic = await newTopic(cluster, kafka.unique('facts'))
      const groupId = kafka.unique('group')
      const events: string[] = []
      let reading: Promise<void> | null = null
      const watched = around(cluster, (kind) => {
        if (kind.name !== 'EndTxn') return kind
        const versions = kind.versions.map((one) => ({
          version: one.version,
          send: async (...args: Parameters<typeof one.send>) => {
            let asked = 0
            const counted = around(cluster, (read) => {
              asked++
              return read
            })
            reading = offsetOf(counted, groupId, topic).then((offset) => {
              events.push(`read ${offset}`)
            })
            while (asked < 4) await contentOf(cluster, topic, 2)
            events.push('end')
            return await one.send(...args)
          },
        }))
        return { ...kind, versions }
      })
      const transactions = transactionsOn(watched, { protocolMax })
      const producer = await transactions.producer(kafka.unique('task'))
      await commit(producer, topic, 'value', noGroup(groupId), 7)
      await (reading as Promise<void> | null)
      assert.deepEqual(events, ['end', 'read 7'])
    },
  )
}

kafkaTest(
  'Kafka takes offsets in a transaction from who names no member, beside the members of the group',
  async (kafka, t) => {
    const cluster = await clusterOf(t, kafka)
    const topic = await newTopic(cluster, kafka.unique('facts'))
    const { groupId } = await join(cluster, kafka.unique('group'))
    const producer = await transactionsOn(cluster).producer(kafka.unique('task'))
    await commit(producer, topic, 'outsider', noGroup(groupId), 1)
    assert.equal(await offsetOf(cluster, groupId, topic), 1)
  },
)

kafkaTest('offsets outside a transaction are kept with their metadata', async (kafka, t) => {
  const cluster = await clusterOf(t, kafka)
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const options = { cluster, ...waiting }
  const groupId = kafka.unique('group')
  const offset = { ...at(topic, 0), offset: position(5), metadata: 'time 12' }
  await commitOffsets(noGroup(groupId), [offset], options)
  const partitions = [at(topic, 1), at(topic, 0)]
  assert.deepEqual(await committedOffsets(groupId, partitions, options), [null, offset])

  const member = await join(cluster, groupId)
  await commitOffsets(member, [{ ...at(topic, 0), offset: position(6) }], options)
  const again = await join(cluster, groupId, member.memberId)
  const refused = { code: 'PRODUCER_FENCED' }
  for (const group of [member, noGroup(groupId), { ...again, memberId: 'nobody' }]) {
    const stale = commitOffsets(group, [{ ...at(topic, 0), offset: position(7) }], options)
    await assert.rejects(stale, refused)
  }
  assert.equal(await offsetOf(cluster, groupId, topic), 6)
  await leave(cluster, again)
  await commitOffsets(noGroup(groupId), [{ ...at(topic, 0), offset: position(8) }], options)
  assert.equal(await offsetOf(cluster, groupId, topic), 8)
})

interface JoinOptions {
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
}

const joinGroup = {
  name: 'JoinGroup',
  apiKey: joinGroupV9.api.key,
  versions: [
    tolerantVersion(joinGroupV9.api, ({ groupId, memberId, groupInstanceId }: JoinOptions) => {
      const protocols = [{ name: 'test', metadata: Buffer.alloc(0) }]
      type Join = Parameters<typeof joinGroupV9.createRequest>
      const sessionMs = 30_000
      return [
        groupId,
        sessionMs,
        sessionMs,
        memberId,
        groupInstanceId,
        'consumer',
        protocols,
        null,
      ] satisfies Join
    }),
  ],
}

const syncGroup = {
  name: 'SyncGroup',
  apiKey: syncGroupV5.api.key,
  versions: [
    libraryVersion(syncGroupV5.api, (member: GroupMetadata) => {
      const { groupId, generationId, memberId } = member
      const instance = member.groupInstanceId ?? null
      const assignments = [{ memberId, assignment: Buffer.alloc(0) }]
      type Sync = Parameters<typeof syncGroupV5.createRequest>
      return [
        groupId,
        generationId,
        memberId,
        instance,
        'consumer',
        'test',
        assignments,
      ] satisfies Sync
    }),
  ],
}

const leaveGroup = {
  name: 'LeaveGroup',
  apiKey: leaveGroupV5.api.key,
  versions: [
    libraryVersion(leaveGroupV5.api, ({ groupId, memberId }: GroupMetadata) => {
      type Leave = Parameters<typeof leaveGroupV5.createRequest>
      return [groupId, [{ memberId, groupInstanceId: null, reason: null }]] satisfies Leave
    }),
  ],
}

function coordinatorOf(groupId: string) {
  return { kind: 'coordinator', of: 'group', key: groupId } as const
}

const memberIdRequired = 79

/** The only member of the group, in a generation of its own. */
async function join(
  cluster: KafkaCluster,
  groupId: string,
  memberId = '',
  groupInstanceId: string | null = null,
): Promise<GroupMetadata> {
  const to = coordinatorOf(groupId)
  const joined = await until(`a member joins ${groupId}`, 30_000, async () => {
    const asked = { groupId, memberId, groupInstanceId }
    const answer = await cluster.retry(to, joinGroup, asked)
    // A dynamic member is given its id first.
    const isRequired = answer.errorCode === memberIdRequired
    const named = { ...asked, memberId: answer.memberId }
    const { errorCode, ...rest } = isRequired ? await cluster.retry(to, joinGroup, named) : answer
    if (errorCode === 0) return rest
    cluster.forgetCoordinator('group', groupId)
    return undefined
  })
  const { generationId } = joined
  const member = { groupId, generationId, memberId: joined.memberId, groupInstanceId }
  await cluster.retry(to, syncGroup, member)
  return member
}

async function leave(cluster: KafkaCluster, member: GroupMetadata): Promise<void> {
  await cluster.retry(coordinatorOf(member.groupId), leaveGroup, member)
}

async function commit(
  producer: TransactionalProducer,
  topic: TopicName,
  value: string,
  group: GroupMetadata,
  offset: number,
): Promise<void> {
  const transaction = producer.begin()
  transaction.send({ ...at(topic, 0), records: records(value) })
  transaction.sendOffsets(group, [{ ...at(topic, 0), offset: position(offset) }])
  await transaction.commit()
}

function outcomeOf(committing: Promise<unknown>): Promise<string> {
  return committing.then(
    () => 'committed',
    (thrown: unknown) => (thrown as TidemarkError).code,
  )
}

async function offsetOf(
  cluster: KafkaCluster,
  groupId: string,
  topic: TopicName,
): Promise<number | null> {
  const options = { cluster, ...waiting }
  const [offset] = await committedOffsets(groupId, [at(topic, 0)], options)
  return offset?.offset ?? null
}
