/** What a reader sees of transactions that interleave, on a real broker: our filter against a model of the log. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { systemClock } from '../../src/core/clock.ts'
import { topicPartitionId } from '../../src/core/record.ts'
import type { Offset, Partition, TopicName } from '../../src/core/record.ts'
import { decodeBatch } from '../../src/log/kafka/batches/decode-batch.ts'
import { openCluster } from '../../src/log/kafka/connected-cluster.ts'
import { fetchRequest } from '../../src/log/kafka/fetch/fetch-request.ts'
import { visibleBatches } from '../../src/log/kafka/fetch/visible-batches.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
import { isBefore4 } from '../../tools/kafka/jars.ts'
import { RawProducer } from './raw-transactions.ts'
import { configureTopic } from './support/configure-topic.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'
import type { TestCluster } from './support/kafka-for-tests.ts'

const waitMs = 60_000

const action = fc.record({
  who: fc.constantFrom('a', 'b', 'nobody'),
  what: fc.constantFrom('send', 'send', 'send', 'commit', 'abort'),
  keys: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
})

interface Written {
  readonly offset: number
  readonly key: string
  readonly value: string
}

/** The partition as it should look. */
interface Model {
  readonly committed: Written[]
  readonly aborted: Written[]
  readonly open: { a: Written[]; b: Written[] }
}

void test('readers see what was committed, all of it and nothing else', async (t) => {
  if (isBefore4) {
    t.skip('its producer speaks the second protocol of transactions alone, which came with Kafka 4')
    return
  }
  const kafka = await clusterForTests(t, { overrides: { 'log.cleaner.backoff.ms': 50 } })
  if (kafka === undefined) return
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: 'test',
    clock: systemClock,
  })
  t.after(() => log.close())
  const cluster = await openCluster({
    bootstrapServers: kafka.servers,
    clientId: 'test',
    clock: systemClock,
  })
  t.after(() => cluster.close())
  await t.test('while two producers interleave, from any position, in any portion', () =>
    interleaved(kafka, log, cluster),
  )
  await t.test('after compaction has left gaps', () => compacted(kafka, log, cluster))
})

async function interleaved(kafka: TestCluster, log: KafkaLog, cluster: KafkaCluster) {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (actions) => {
      const at = await newTopic(kafka, log, 'delete')
      const model = await run(log, cluster, at, kafka.unique('producer'), actions)
      const end = endOf(model)
      const lastStable = Math.min(
        end,
        ...[...model.open.a, ...model.open.b].map((one) => one.offset),
      )
      const stable = model.committed.filter(({ offset }) => offset < lastStable)
      const told = await log.askEndOffsets?.([at])
      // Behind the last record may be markers, which the model does not have.
      const isOpen = model.open.a.length + model.open.b.length > 0
      const stableEnd = told?.get(topicPartitionId(at)) ?? -1
      assert.ok(isOpen ? stableEnd === lastStable : stableEnd >= lastStable, `${stableEnd}`)
      for (const from of [0, Math.floor(lastStable / 2), lastStable]) {
        for (const bytesMax of [1, 300, 1_000_000]) {
          const seen = await readAll(log, at, from, bytesMax, lastStable)
          assert.deepEqual(
            seen,
            stable.filter(({ offset }) => offset >= from),
          )
        }
      }
      const leaked = await readUnfiltered(cluster, at)
      const isAborted = model.aborted.some(({ offset }) => offset < lastStable)
      // The control: without the filter the same answers show what was aborted.
      assert.equal(
        leaked.some((value) => model.aborted.some((one) => one.value === value)),
        isAborted,
      )
    }),
    { numRuns: 15 },
  )
}

async function compacted(kafka: TestCluster, log: KafkaLog, cluster: KafkaCluster) {
  const at = await newTopic(kafka, log, 'compact')
  const actions = fc.sample(action, { numRuns: 80, seed: 7 })
  const producers = kafka.unique('producer')
  const model = await run(log, cluster, at, producers, actions, 'ended')
  const committedBefore = model.committed.length
  await compactAtOnce(kafka, at)
  // The cleaner leaves the active segment alone: it rolls with a record that comes later.
  await until('compaction', waitMs, async () => {
    await append(log, at, model, ['filler'])
    const seen = await readAll(log, at, 0, 1_000_000, null)
    return seen.length < model.committed.length - committedBefore + 10 ? true : undefined
  })
  const end = endOf(model)
  const lastOfKey = new Map(model.committed.map((one) => [one.key, one]))
  const committed = new Map(model.committed.map((one) => [one.offset, one]))
  for (let from = 0; from < end; from++) {
    const seen = await readAll(log, at, from, 200, null)
    for (const one of seen) assert.deepEqual(committed.get(one.offset), one)
    for (const last of lastOfKey.values()) {
      const isSeen = seen.some(({ offset }) => offset === last.offset)
      assert.equal(isSeen, last.offset >= from, `${last.offset} from ${from}`)
    }
  }
}

async function newTopic(kafka: TestCluster, log: KafkaLog, cleanupPolicy: 'delete' | 'compact') {
  const topic = kafka.unique('ledger') as TopicName
  await log.createTopics([{ name: topic, partitionCount: 1, cleanupPolicy, retentionMs: null }])
  return { topic, partition: 0 as Partition }
}

function compactAtOnce(kafka: TestCluster, { topic }: Place): Promise<void> {
  return configureTopic(kafka, topic, {
    'segment.ms': '50',
    'min.cleanable.dirty.ratio': '0.0001',
    'delete.retention.ms': '0',
  })
}

type Place = Awaited<ReturnType<typeof newTopic>>

let serial = 0

function recordsOf(keys: readonly string[]) {
  return keys.map((key) => ({
    key: Buffer.from(key),
    value: Buffer.from(`${serial++}`),
    timestampMs: systemClock.nowMs(),
  }))
}

function written(records: ReturnType<typeof recordsOf>, baseOffset: number): Written[] {
  return records.map(({ key, value }, index) => ({
    offset: baseOffset + index,
    key: key.toString(),
    value: value.toString(),
  }))
}

async function append(log: KafkaLog, at: Place, model: Model, keys: readonly string[]) {
  const records = recordsOf(keys)
  const [result] = await log.append([{ ...at, records }])
  model.committed.push(...written(records, result!.baseOffset))
}

async function run(
  log: KafkaLog,
  cluster: KafkaCluster,
  at: Place,
  name: string,
  actions: readonly { who: 'a' | 'b' | 'nobody'; what: string; keys: number[] }[],
  ending: 'ended' | 'open' = 'open',
): Promise<Model> {
  const model: Model = { committed: [], aborted: [], open: { a: [], b: [] } }
  const producers = {
    a: await RawProducer.open(cluster, `${name}-a`),
    b: await RawProducer.open(cluster, `${name}-b`),
  }
  const end = async (who: 'a' | 'b', outcome: 'commit' | 'abort') => {
    if (model.open[who].length === 0) return
    await producers[who].end(outcome)
    const into = outcome === 'commit' ? model.committed : model.aborted
    into.push(...model.open[who].splice(0))
  }
  for (const { who, what, keys } of actions) {
    if (who === 'nobody') await append(log, at, model, keys.map(String))
    else if (what === 'commit' || what === 'abort') await end(who, what)
    else {
      const records = recordsOf(keys.map(String))
      model.open[who].push(...written(records, await producers[who].send(at, records)))
    }
  }
  if (ending === 'ended') {
    await end('a', 'abort')
    await end('b', 'commit')
  }
  model.committed.sort((left, right) => left.offset - right.offset)
  await untilStable(log, at, model)
  return model
}

/** Markers are written a moment after a transaction's end was acknowledged. */
async function untilStable(log: KafkaLog, at: Place, model: Model) {
  const open = [...model.open.a, ...model.open.b].map(({ offset }) => offset)
  await until('the markers', waitMs, async () => {
    const [described] = await log.describeTopics([at.topic])
    const { lastStableOffset, highWatermark } = described!.partitions[0]!
    const expected = open.length === 0 ? highWatermark : Math.min(...open)
    return lastStableOffset === expected ? true : undefined
  })
}

function endOf({ committed, aborted, open }: Model): number {
  const all = [...committed, ...aborted, ...open.a, ...open.b].map(({ offset }) => offset + 1)
  return Math.max(0, ...all)
}

/** Until the position stands still; `reaches` is how far it must have come at least. */
async function readAll(
  log: KafkaLog,
  at: Place,
  from: number,
  bytesMax: number,
  reaches: number | null,
): Promise<Written[]> {
  const seen: Written[] = []
  for (let offset = from as Offset; ;) {
    const [found] = await log.fetch({
      partitions: [{ ...at, offset }],
      bytesMax,
      bytesPerPartitionMax: bytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const { records, nextOffset } = found!
    for (const one of records) {
      assert.ok(one.offset >= offset && one.offset < nextOffset)
      seen.push({ offset: one.offset, key: String(one.key), value: String(one.value) })
    }
    if (nextOffset === offset) {
      if (reaches !== null) assert.ok(nextOffset >= reaches, `it stands at ${nextOffset}`)
      return seen
    }
    offset = nextOffset
  }
}

/** As the broker answers a reader of committed records, without what the client has to leave out. */
async function readUnfiltered(cluster: KafkaCluster, at: Place): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0 as Offset; ;) {
    const response = await cluster.retry({ kind: 'leader', of: at }, fetchRequest, {
      partitions: [{ ...at, offset }],
      waitMaxMs: 0,
      bytesMax: 1_000_000,
      bytesPerPartitionMax: 1_000_000,
      isolation: 'read_committed',
    })
    const answer = { ...response.partitions[0]!, aborted: [] }
    const { batches, nextOffset } = visibleBatches(answer, offset, 'read_committed')
    for (const { bytes } of batches) {
      values.push(...decodeBatch(bytes, offset).map(({ value }) => String(value)))
    }
    if (nextOffset === offset) return values
    offset = nextOffset
  }
}
