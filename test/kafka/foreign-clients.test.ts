/** Clients that are not ours on our topics: `kafkajs` with Confluent's framing in, Kafka's console consumer out. */
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ClickHouse } from '../../src/sinks/clickhouse/clickhouse.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { partitionForKey } from '../../src/core/partitioner.ts'
import { topicName } from '../../src/core/record.ts'
import { defaultLimits } from '../../src/runtime/limits.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { until } from '../integration/support/until.ts'
import { ClusterInstance } from './support/cluster-instance.ts'
import { readByConsole } from './support/console-consumer.ts'
import { containersForTests, type Servers } from './support/containers.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'
import { committedRecords, ourLogOnly, type CommittedRecord } from './support/our-log.ts'
import { RegistryProcess } from './support/registry-process.ts'

const eventsTopic = 'exam_score'
const factsTopic = 'exam_scores.events'
const studentCount = 20
const examCount = 10
const abortedFactCount = 3
const baseMs = 1_700_000_000_000

interface ExamScore {
  readonly exam: number
  readonly studentId: string
  readonly score: number
  readonly event_id: string
  readonly event_type: string
  readonly timestamp: number
}

const scores: readonly ExamScore[] = Array.from(
  { length: studentCount * examCount },
  (_, index) => {
    const exam = 1 + (index % examCount)
    const studentId = `student-${Math.floor(index / examCount)}`
    const timestamp = baseMs + index * 1_000
    return {
      exam,
      studentId,
      score: (index * 7) % 100,
      event_id: `e${index}`,
      event_type: 'score',
      timestamp,
    }
  },
)

/** Published under a key of the producer's own taste. */
const misplaced: readonly ExamScore[] = Array.from({ length: 40 }, (_, index) => {
  const event_id = `m${index}`
  const more = { event_id, event_type: 'score', timestamp: baseMs + 1_000_000 + index }
  return { exam: 100 + index, studentId: `student-${index % studentCount}`, score: 50, ...more }
})

/** As docs/cluster.md tells producers to make it. */
function keyOf(...parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => [Buffer.from([2]), Buffer.from(part), Buffer.from([0])]),
  )
}

void test('what kafkajs publishes in Confluent framing becomes facts, and the console consumer reads them as we do', async (t) => {
  // Or it would clean away what was aborted, and the readers would have nothing to leave out.
  const overrides = { 'log.cleaner.backoff.ms': 3_600_000 }
  const cluster = await clusterForTests(t, { overrides })
  if (cluster === undefined) return
  const registry = await RegistryProcess.start()
  t.after(() => registry.remove())
  const clickhouse = await ClickHouseProcess.start()
  t.after(() => clickhouse.remove())
  const { bootstrapServers } = cluster
  await publishAndExpectFacts(t, {
    bootstrapServers,
    registryUrl: registry.url,
    clickhouseUrl: clickhouse.url,
  })

  const log = await ourLogOnly(t, cluster)
  const ours = await committedRecords(log, topicName(factsTopic))
  const readAs = (isolation: 'read_committed' | 'read_uncommitted', count: number) =>
    readByConsole(bootstrapServers, factsTopic, isolation, count)
  const theirs = await readAs('read_committed', ours.length)
  assert.equal(digest(theirs), digest(ours))
  const everything = await readAs('read_uncommitted', ours.length + abortedFactCount)
  assert.notEqual(digest(everything), digest(ours))
})

void test('the same with Confluent’s registry and a ClickHouse server, in containers', async (t) => {
  const containers = await containersForTests(t)
  if (containers !== undefined) await publishAndExpectFacts(t, containers)
})

/** A line a record, which a failure can show. */
function digest(records: readonly CommittedRecord[]): string {
  return records
    .map(({ partition, offset, key, value }) => {
      return `${partition} ${offset} ${key?.toString('hex')} ${value?.toString('hex')}`
    })
    .join('\n')
}

async function publishAndExpectFacts(t: TestContext, servers: Servers): Promise<void> {
  const instance = await ClusterInstance.start({
    ...servers,
    topologies: ['exam-scores'],
    // It is killed without a word, and the group waits that long for it.
    flags: ['--kafka-session-timeout-ms', '6000'],
  })
  t.after(() => instance.remove())
  const foreign = new ForeignProducer(servers)
  t.after(() => foreign.close())

  // Half before the instance is killed, half after; between them what is taken back.
  await foreign.publish(scores.slice(0, scores.length / 2))
  await foreign.publishAndAbort(
    eventsTopic,
    scores.map((score) => ({ ...score, score: -1, event_id: `taken back ${score.event_id}` })),
  )
  await instance.stop('SIGKILL')
  await foreign.publishAndAbort(factsTopic, scores.slice(0, abortedFactCount))
  await foreign.publish(scores.slice(scores.length / 2))
  await instance.start()

  const reader = await openClickHouse({ url: servers.clickhouseUrl })
  t.after(() => reader.close())
  const areThere = (events: readonly ExamScore[]) => async () => {
    const expected = JSON.stringify(expectedAverages(events))
    return JSON.stringify(await averageScores(reader)) === expected ? true : null
  }
  await until('the averages of all students are there', areThere(scores))

  await foreign.publish(misplaced, ({ event_id }) => event_id)
  const elsewhere = misplaced.filter(({ event_id }) => {
    return partitionOf(Buffer.from(event_id)) !== partitionOf(keyOf(event_id))
  })
  assert.ok(elsewhere.length > 0)
  const ids = elsewhere.map(({ event_id }) => event_id).sort()
  await until('those that lie in another partition are kept', async () =>
    JSON.stringify(await keptEvents(reader)) === JSON.stringify(ids) ? true : null,
  )
  const taken = misplaced.filter((event) => !elsewhere.includes(event))
  await until('the others are taken', areThere([...scores, ...taken]))
  const answer = await fetch(`http://127.0.0.1:${instance.ports.console}/api/quarantine/redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: eventsTopic }),
  })
  assert.equal(answer.status, 200, await answer.text())
  await until('a redrive puts all where they belong', areThere([...scores, ...misplaced]))
  assert.equal(await instance.stop(), 0, instance.output)
}

async function averageScores({ reader }: ClickHouse): Promise<unknown[]> {
  const query = `SELECT student_id, length(scores_all), average_score
                 FROM exam_scores.student_average_score ORDER BY student_id`
  const result = await reader.query({ query, format: 'JSONCompactEachRow' })
  return result.json()
}

function partitionOf(key: Buffer): number {
  return partitionForKey(key, defaultLimits.defaultPartitionCount)
}

/** Of those that lie in another partition than their key belongs to. */
async function keptEvents({ reader }: ClickHouse): Promise<unknown[]> {
  const query = `SELECT record_key FROM tidemark.quarantine
                 WHERE check = 'KEY_MISPLACED' ORDER BY record_key`
  const result = await reader.query({ query, format: 'JSONCompactEachRow' })
  return (await result.json<[string]>()).map(([key]) => key)
}

function expectedAverages(events: readonly ExamScore[]): unknown[] {
  const byStudent = Map.groupBy(events, ({ studentId }) => studentId)
  return [...byStudent]
    .map(([studentId, ofStudent]) => {
      const sum = ofStudent.reduce((total, { score }) => total + score, 0)
      return [studentId, ofStudent.length, sum / ofStudent.length]
    })
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1))
}

class ForeignProducer {
  readonly #kafka: Kafka
  readonly #registry: SchemaRegistry
  readonly #producers: Producer[] = []

  constructor({ bootstrapServers, registryUrl }: Servers) {
    const brokers = bootstrapServers.split(',')
    this.#kafka = new Kafka({ clientId: 'foreign', brokers, logLevel: logLevel.NOTHING })
    this.#registry = new SchemaRegistry({ host: registryUrl })
  }

  async publish(
    events: readonly ExamScore[],
    keyBy = ({ event_id }: ExamScore): string | Buffer => keyOf(event_id),
  ): Promise<void> {
    const producer = await this.#producer()
    await producer.send({ topic: eventsTopic, messages: await this.#messages(events, keyBy) })
  }

  async publishAndAbort(topic: string, events: readonly ExamScore[]): Promise<void> {
    const producer = await this.#producer({
      transactionalId: `foreign-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    })
    const transaction = await producer.transaction()
    const messages = await this.#messages(events, ({ event_id }) => keyOf(event_id))
    await transaction.send({ topic, messages })
    await transaction.abort()
  }

  async close(): Promise<void> {
    for (const producer of this.#producers) await producer.disconnect()
  }

  async #producer(options: Parameters<Kafka['producer']>[0] = {}): Promise<Producer> {
    const producer = this.#kafka.producer(options)
    this.#producers.push(producer)
    await producer.connect()
    return producer
  }

  async #messages(events: readonly ExamScore[], keyBy: (event: ExamScore) => string | Buffer) {
    const id = await this.#registry.getLatestSchemaId(`${eventsTopic}-value`)
    return Promise.all(
      events.map(async (event) => ({
        key: keyBy(event),
        value: await this.#registry.encode(id, event),
        timestamp: String(event.timestamp),
      })),
    )
  }
}
