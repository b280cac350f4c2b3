import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { offset, partition, storeName, topicName } from '../core/record.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { ResetPosition } from './reset-offsets.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import { carryOutReset, planReset, type ResetOptions } from './reset.ts'

const input = topicName('events')
const repartition = topicName('app-by-key-repartition')
const facts = topicName('app.facts')
const store = storeName('app.counts')
const at = { topic: input, partition: partition(0) }
const nobody = { generationId: -1, memberId: '' }

const topology = {
  name: 'app',
  inputs: [input, topicName('not-there-yet')],
  repartitions: [repartition],
  changelogs: [],
  facts: [facts],
  stores: [{ name: store, partitionCount: 2 }],
}

/** Ten events, ten milliseconds apart, of which the group has read six; some state, some records on the way. */
async function setting(context: TestContext) {
  const { log, state, close } = await openMemoryStorage({ clock: new ManualClock() })
  context.after(close)
  const common = { partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null } as const
  await log.createTopics([input, repartition, facts].map((name) => ({ name, ...common })))
  const value = Buffer.from('v')
  for (const topic of [input, repartition, facts]) {
    const records = Array.from({ length: 10 }, (_, index) => ({
      key: null,
      value,
      timestampMs: 1000 + 10 * index,
    }))
    await log.append([{ topic, partition: partition(0), records }])
  }
  await log.commitOffsets({ groupId: 'app', ...nobody }, [{ ...at, offset: offset(6) }])
  await log.commitOffsets({ groupId: sinkGroup('app'), ...nobody }, [
    { topic: facts, partition: partition(0), offset: offset(4) },
  ])
  const keys = Array.from({ length: 2500 }, (_, index) => Buffer.from(`k${index}`))
  await state.write(keys.map((key) => ({ store, partition: partition(1), key, value })))
  const other = { store: storeName('other.counts'), partition: partition(1) }
  await state.write([{ ...other, key: Buffer.from('k'), value }])
  const options = (position: ResetPosition, more: Partial<ResetOptions> = {}): ResetOptions => ({
    log,
    admin: null,
    state,
    topologies: [topology],
    position,
    withFacts: false,
    force: false,
    ...more,
  })
  const committed = async () => (await log.committedOffsets('app', [at]))[0]?.offset
  return { log, state, options, committed, other }
}

async function carryOut(options: ResetOptions): Promise<void> {
  await carryOutReset(await planReset(options), () => undefined)
}

for (const [position, expected] of [
  [{ kind: 'earliest' }, 0],
  [{ kind: 'latest' }, 10],
  [{ kind: 'time', timestampMs: 1035 }, 4],
  [{ kind: 'time', timestampMs: 5000 }, 10],
  [{ kind: 'shift', by: -2 }, 4],
  [{ kind: 'shift', by: -20 }, 0],
  [{ kind: 'shift', by: 100 }, 10],
  [{ kind: 'offset', offset: 3 }, 3],
  [{ kind: 'offset', offset: 99 }, 10],
] as readonly (readonly [ResetPosition, number])[]) {
  test(`the group goes on from ${JSON.stringify(position)}, within what there is`, async (context) => {
    const { options, committed } = await setting(context)
    await carryOut(options(position))
    assert.equal(await committed(), expected)
  })
}

test('a plan that is only made changes nothing, and tells each step', async (context) => {
  const { options, committed, state } = await setting(context)
  const { steps } = await planReset(options({ kind: 'earliest' }))
  assert.deepEqual(
    steps.map(({ what }) => what),
    [
      'set group app to events 0: 6 -> 0',
      'delete the state of app.counts',
      'empty topics app-by-key-repartition',
    ],
  )
  assert.equal(await committed(), 6)
  const kept = await state.scan({ store, partition: partition(1), entriesMax: 1 })
  assert.equal(kept.length, 1)
})

test('state and records on the way are gone, those of other topologies and the facts stay', async (context) => {
  const { options, log, state, other } = await setting(context)
  await carryOut(options({ kind: 'earliest' }))
  assert.deepEqual(await state.scan({ store, partition: partition(1), entriesMax: 1 }), [])
  assert.equal((await state.scan({ ...other, entriesMax: 1 })).length, 1)
  const starts = new Map(
    (await log.describeTopics()).map(({ name, partitions }) => [
      name,
      partitions[0]?.logStartOffset,
    ]),
  )
  assert.deepEqual([starts.get(repartition), starts.get(input), starts.get(facts)], [10, 0, 0])
})

test('with facts their topics are emptied, and who brings them to ClickHouse goes on behind them', async (context) => {
  const { options, log } = await setting(context)
  await carryOut(options({ kind: 'earliest' }, { withFacts: true }))
  const place = { topic: facts, partition: partition(0) }
  assert.equal((await log.committedOffsets(sinkGroup('app'), [place]))[0]?.offset, 10)
  const [description] = await log.describeTopics([facts])
  assert.equal(description?.partitions[0]?.logStartOffset, 10)
})

test('a reset that is run again ends in the same place', async (context) => {
  const { options, committed } = await setting(context)
  const { steps } = await planReset(options({ kind: 'earliest' }))
  await steps[0]?.run()
  await carryOut(options({ kind: 'earliest' }))
  await carryOut(options({ kind: 'earliest' }))
  assert.equal(await committed(), 0)
})

test('a group that lives is refused; with force its members are taken out first', async (context) => {
  const { options, log } = await setting(context)
  const done: string[] = []
  const note = (what: string) => {
    done.push(what)
    return Promise.resolve()
  }
  const member = { memberId: 'm', groupInstanceId: 'pod-1', clientId: 'c', host: '/10.0.0.1' }
  const bytes = Buffer.alloc(0)
  const members = [{ ...member, userData: bytes, assignmentUserData: bytes, assigned: [] }]
  const admin: Pick<
    LogAdmin,
    | 'describeGroup'
    | 'topicNames'
    | 'removeMembers'
    | 'deleteGroup'
    | 'alterGroupOffsets'
    | 'deleteTopics'
  > = {
    describeGroup: (groupId) => Promise.resolve({ groupId, state: 'stable', members }),
    topicNames: async () => (await log.describeTopics()).map(({ name }) => name),
    removeMembers: (groupId) => note(`remove ${groupId}`),
    deleteGroup: (groupId) => note(`delete ${groupId}`),
    alterGroupOffsets: (groupId) => note(`alter ${groupId}`),
    deleteTopics: (names) => note(`topics ${names.join()}`),
  }
  const more = { admin: admin as LogAdmin, state: null }
  const plan = await planReset(options({ kind: 'earliest' }, more))
  assert.deepEqual(
    plan.steps.map(({ what }) => what),
    ['set group app to events 0: 6 -> 0', 'delete topics app-by-key-repartition'],
    'what would be done is told all the same',
  )
  assert.deepEqual(
    plan.refusals.map(({ code }) => code),
    ['GROUP_ACTIVE'],
  )
  await assert.rejects(carryOut(options({ kind: 'earliest' }, more)), {
    code: 'GROUP_ACTIVE',
    message: /group app is stable and has members: pod-1 \(\/10\.0\.0\.1\)/,
  })
  assert.deepEqual(done, [])
  await carryOut(options({ kind: 'earliest' }, { ...more, force: true }))
  assert.deepEqual(done, ['remove app', 'delete app', 'alter app', `topics ${repartition}`])
})
