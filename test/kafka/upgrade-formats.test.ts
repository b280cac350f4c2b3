/**
 * What a release leaves on disks and brokers for the next one, byte by byte: `test/golden/kafka-formats/formats.json`. A
 * test that fails here says that a rolling upgrade would meet bytes that it does not know. A format is not changed: it gets
 * a new version, which goes beside the old one in the file, and both are read.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { offset, partition, storeName, topicName } from '../../src/core/record.ts'
import type { TopicName } from '../../src/core/record.ts'
import {
  decodeMemberAssignment,
  decodeMemberSubscription,
  encodeMemberAssignment,
  encodeMemberSubscription,
} from '../../src/log/kafka/group/consumer-protocol.ts'
import type { Log } from '../../src/log/log.ts'
import {
  decodeAssignment,
  encodeAssignment,
} from '../../src/runtime/assignment/assignment-user-data.ts'
import {
  decodeSubscription,
  encodeSubscription,
} from '../../src/runtime/assignment/subscription-user-data.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import { Checkpoints } from '../../src/runtime/checkpoints.ts'
import { deleteEarlierCheckpoints } from '../../src/runtime/earlier-checkpoints.ts'
import type { KeptTask } from '../../src/runtime/kept-task.ts'
import { committedStreamTime, offsetMetadata } from '../../src/runtime/offset-metadata.ts'
import { earlierCheckpointsStore, PositionsStore } from '../../src/runtime/positions-store.ts'
import { scopedStoreName } from '../../src/runtime/scoped-state.ts'
import { readLatest, send, testRuntime } from '../../src/runtime/test-support/harness.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import topology, { storeNames, visits, type Visit } from './upgrade-stores.ts'

interface Formats {
  /** Hex, of all that is. */
  readonly checkpoint: {
    readonly key: string
    readonly value: string
    readonly valueIncomplete: string
    readonly valueWithTopicId: string
  }
  /** As it was before it told which topic it is of. */
  readonly checkpointWithoutTopicId: {
    readonly key: string
    readonly value: string
    readonly valueIncomplete: string
  }
  /** As it was up to 0.1.0. */
  readonly earlierCheckpoint: { readonly key: string; readonly values: readonly string[] }
  readonly broadcastPosition: { readonly key: string; readonly value: string }
  readonly offsetMetadata: string
  readonly userData: Readonly<Record<'subscription' | 'assignment', readonly string[]>>
  readonly group: { readonly subscription: string; readonly assignment: string }
  /** By store: key and value of each record. */
  readonly changelogs: Readonly<Record<string, readonly (readonly [string, string | null])[]>>
}

const path = new URL('../golden/kafka-formats/formats.json', import.meta.url)
const golden = JSON.parse(readFileSync(path, 'utf8')) as Formats

const at = { topic: topicName('visits'), partition: partition(3) }
const changelog = topicName('upgrade-all-changelog')
const task: KeptTask = {
  plan: { id: 'upgrade-0_3', topologyName: 'upgrade', subTopology: 0, partition: partition(3) },
  changelogs: [{ store: storeName('upgrade.all'), topic: changelog, facts: null }],
}
const topicId = '5a2e8f60-1c4d-4b7a-9e03-d1f2a3b4c5d6'
const inStore = { store: storeName('upgrade.all'), partition: partition(3) }

describe('a checkpoint', () => {
  test('is written as it was, into the store that it stands for', async () => {
    const { state, close } = await openMemoryStorage({ clock: new ManualClock() })
    for (const [value, isComplete, id] of [
      [golden.checkpoint.value, true, null],
      [golden.checkpoint.valueIncomplete, false, null],
      [golden.checkpoint.valueWithTopicId, true, topicId],
    ] as const) {
      const reached = new Map([[changelog, { offset: offset(70_000), isComplete }]])
      const checkpoints = new Checkpoints(state)
      if (id !== null) checkpoints.noteTopicId(task, changelog, id)
      const [change] = checkpoints.changes(task, reached, 1_700_000)
      assert.equal(hexOf(change?.key), golden.checkpoint.key)
      assert.equal(hexOf(change?.value), value)
      assert.equal(change?.store, inStore.store)
    }
    await close()
  })

  const before = golden.checkpointWithoutTopicId
  for (const [name, value, isComplete, id] of [
    ['of now', golden.checkpoint.valueWithTopicId, true, topicId],
    ['of a topic whose id is not known', golden.checkpoint.value, true, null],
    ['of a store that has gaps', golden.checkpoint.valueIncomplete, false, null],
    ['of the version before, which has no id,', before.value, true, null],
    ['of the version before, of a store that has gaps,', before.valueIncomplete, false, null],
  ] as const) {
    test(`${name} is read`, async () => {
      const { state, close } = await openMemoryStorage({ clock: new ManualClock() })
      const key = Buffer.from(golden.checkpoint.key, 'hex')
      await state.write([{ ...inStore, key, value: Buffer.from(value, 'hex') }])
      const checkpoints = new Checkpoints(state)
      await checkpoints.load([task])
      const written = { offset: 70_000, writtenMs: 1_700_000, isComplete, topicId: id }
      assert.deepEqual(checkpoints.of(task, changelog), written)
      assert.equal(checkpoints.isComplete(task, changelog), isComplete)
      await close()
    })
  }

  test('of earlier versions is not believed, and is deleted under every number', async () => {
    const { state, close } = await openMemoryStorage({ clock: new ManualClock() })
    const key = Buffer.from(golden.earlierCheckpoint.key, 'hex')
    const places = golden.earlierCheckpoint.values.map((value, number) => {
      const store = scopedStoreName('upgrade', earlierCheckpointsStore(number * 7))
      return { store, partition: partition(3), key, value: Buffer.from(value, 'hex') }
    })
    await state.write(places)
    await deleteEarlierCheckpoints(state, [task])
    assert.deepEqual(await state.readMany(places), [null, null])
    const checkpoints = new Checkpoints(state)
    await checkpoints.load([task])
    assert.equal(checkpoints.of(task, changelog), null)
    await close()
  })
})

test('the positions of broadcast topics and what is kept beside offsets are as they were', async () => {
  const { state, close } = await openMemoryStorage({ clock: new ManualClock() })
  const positions = new PositionsStore(state, storeName('positions'), partition(0))
  const change = positions.change('visits-3', offset(258))
  assert.equal(hexOf(change.key), golden.broadcastPosition.key)
  assert.equal(hexOf(change.value), golden.broadcastPosition.value)
  assert.equal(offsetMetadata(1_500), golden.offsetMetadata)
  const committed = [{ ...at, offset: offset(3), metadata: golden.offsetMetadata }]
  assert.equal(committedStreamTime(committed, { foreignOffsets: [] }), 1_500)
  await close()
})

const member = {
  processId: 'pod-1',
  endpoint: 'http://pod-1:8080',
  rack: 'zone-a',
  capacity: 2,
  states: [
    { taskId: 'upgrade-0_0', isRunning: true, offsetSum: 300, endOffsetSum: null },
    { taskId: 'upgrade-0_1', isRunning: false, offsetSum: 70_000, endOffsetSum: 70_001 },
  ],
}
const decided = {
  active: ['upgrade-0_0'],
  standby: ['upgrade-0_1'],
  awaited: ['upgrade-0_2'],
  hosts: new Map([['http://pod-1:8080', { active: ['upgrade-0_0'], standby: ['upgrade-0_1'] }]]),
  probingRebalanceAfterMs: 600_000,
  processIds: ['pod-1', 'pod-2'],
}

describe('what members say to each other', () => {
  for (const [index, bytes] of golden.userData.subscription.entries()) {
    const version = index + 1
    test(`of themselves, in version ${version}, is written and read as it was`, () => {
      assert.equal(plain(encodeSubscription(member, version)), plain(Buffer.from(bytes, 'hex')))
      const states = member.states.map((state) => ({ ...state, endOffsetSum: null }))
      const older = version < 2 ? { rack: null, states } : {}
      const read = decodeSubscription(Buffer.from(bytes, 'hex'))
      assert.deepEqual(read, { ...member, ...older, version })
    })
  }

  for (const [index, bytes] of golden.userData.assignment.entries()) {
    const version = index + 1
    test(`of the sharing, in version ${version}, is written and read as it was`, () => {
      assert.equal(plain(encodeAssignment(decided, version)), plain(Buffer.from(bytes, 'hex')))
      const older = version < 2 ? { probingRebalanceAfterMs: null, processIds: [] } : {}
      const read = decodeAssignment(Buffer.from(bytes, 'hex'))
      assert.deepEqual(read, { ...decided, ...older, version })
    })
  }

  test('around it is what Kafka’s clients say', () => {
    const userData = Buffer.from('user data')
    const subscription = { topics: [at.topic], owned: [at], generationId: 7, rack: 'a', userData }
    assert.equal(hexOf(encodeMemberSubscription(subscription)), golden.group.subscription)
    const said = decodeMemberSubscription(Buffer.from(golden.group.subscription, 'hex'))
    assert.deepEqual(said, subscription)
    const assignment = { partitions: [at], userData }
    assert.equal(hexOf(encodeMemberAssignment(assignment)), golden.group.assignment)
    const told = decodeMemberAssignment(Buffer.from(golden.group.assignment, 'hex'))
    assert.deepEqual(told, assignment)
  })
})

const isQuestion = false
const seen: readonly Visit[] = [
  { page: 'home', visitor: 7, atMs: 10_000, isQuestion },
  { page: 'home', visitor: 7, atMs: 10_700, isQuestion },
  { page: 'home', visitor: -1, atMs: 11_000, isQuestion },
  { page: 'a\0b', visitor: 300, atMs: 12_345, isQuestion },
  { page: 'home', visitor: 7, atMs: 20_000, isQuestion },
]
/** As it is known of visitor 7, by hand. */
const knownOfSeven = {
  visitor: 7,
  visits: 3,
  recent: 3,
  windows: [
    [10_000, 2],
    [20_000, 1],
  ],
  sessions: [
    [10_000, 10_700, 2],
    [20_000, 20_000, 1],
  ],
}

describe('a changelog', () => {
  test('is written as it was, by a store of each kind', async (t) => {
    const { log, close } = await openMemoryStorage({ clock: systemClock, sharesState: false })
    t.after(() => close())
    await runOver(log, seen)
    for (const store of storeNames) {
      assert.deepEqual(await recordsOf(log, changelogOf(store)), golden.changelogs[store], store)
    }
  })

  test('of the release before brings its stores back', async (t) => {
    const { log, close } = await openMemoryStorage({ clock: systemClock, sharesState: false })
    t.after(() => close())
    await runOver(log, [])
    for (const store of storeNames) {
      const records = (golden.changelogs[store] ?? []).map(([key, value]) => ({
        key: Buffer.from(key, 'hex'),
        value: value === null ? null : Buffer.from(value, 'hex'),
        timestampMs: 0,
      }))
      await log.append([{ topic: changelogOf(store), partition: partition(0), records }])
    }
    await runOver(log, [{ page: 'home', visitor: 7, atMs: 20_000, isQuestion: true }])
    assert.deepEqual([...(await readLatest(log, 'known')).values()], [knownOfSeven])
  })
})

function changelogOf(store: (typeof storeNames)[number]): TopicName {
  return changelogTopic('upgrade', storeName(store))
}

/** By an instance without local state. */
async function runOver(log: Log, values: readonly Visit[]): Promise<void> {
  const own = await openMemoryStorage({ clock: systemClock })
  const limits = { defaultPartitionCount: 1 }
  const runtime = testRuntime([topology], { log, state: own.state }, { limits })
  await runtime.start()
  await send(log, visits, values)
  await runtime.whenIdle()
  await runtime.stop()
  await own.close()
}

async function recordsOf(log: Log, topic: TopicName): Promise<[string, string | null][]> {
  const [fetched] = await log.fetch({
    partitions: [{ topic, partition: partition(0), offset: offset(0) }],
    bytesMax: 1_000_000,
    bytesPerPartitionMax: 1_000_000,
    waitMaxMs: 0,
    isolation: 'read_committed',
  })
  return (fetched?.records ?? []).map(({ key, value }) => [hexOf(key), hexOrNull(value)])
}

function hexOf(bytes: Uint8Array | null | undefined): string {
  assert.ok(bytes !== null && bytes !== undefined)
  return Buffer.from(bytes).toString('hex')
}

function hexOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : hexOf(bytes)
}

/** Mark and versions, and what is deflated behind them: how it is deflated is the library's business. */
function plain(userData: Buffer): string {
  return userData.toString('hex', 0, 4) + inflateRawSync(userData.subarray(4)).toString('hex')
}
