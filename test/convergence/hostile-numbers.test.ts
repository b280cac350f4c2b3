/**
 * One well-formed event must never stop an instance. Whatever numbers a producer puts into the fields of the source
 * topics, an event ends in rows that ClickHouse takes or in quarantine, and no task and no sink fails.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { migrationsDirectory } from '../../src/app/migrations-directory.ts'
import { present } from '../../src/core/assert.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { FactTable } from '../../src/core/fact-table.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import { admit } from '../../src/quality/admission.ts'
import { eventTimeCheck } from '../../src/quality/event-time.ts'
import { quarantineFact } from '../../src/quality/quarantine.ts'
import { openAvroCodec } from '../../src/schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../src/schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../src/schema/registry-storage.ts'
import { ClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../src/sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import * as adaptiveLearning from '../../topologies/adaptive-learning.ts'
import * as examScores from '../../topologies/exam-scores.ts'
import * as mcq from '../../topologies/mcq.ts'
import * as openUniversity from '../../topologies/open-university.ts'
import * as studentPerformance from '../../topologies/student-performance.ts'
import { hostileEvents, validEvents, type Event } from './hostile-events.ts'

interface Subject {
  readonly default: TopologyGraph
  readonly factTables: readonly FactTable<any, any>[]
}

const subjects: Readonly<Record<string, Subject>> = {
  'adaptive-learning': adaptiveLearning,
  'exam-scores': examScores,
  mcq,
  'open-university': openUniversity,
  'student-performance': studentPerformance,
}
const nowMs = 1_790_000_000_000
/** Of each case, so that two extremes are summed. */
const eventsPerCase = 2

let temporary: TemporaryClickHouse
let sink: ClickHouseSink

before(async () => {
  temporary = await temporaryClickHouse()
  const { clickhouse } = temporary
  sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory })
  await sink.setup()
})
after(() => temporary.remove())

interface Sent {
  readonly topic: string
  readonly offset: number
  readonly mark: string
  readonly event: Event
  /** The check that the door names; null where it lets the event in. */
  readonly doorCheck: string | null
}

for (const [name, { default: graph, factTables }] of Object.entries(subjects)) {
  test(`${name}: whatever number an event holds, it has rows or is kept in quarantine`, async () => {
    const driver = await TopologyTestDriver.open(graph, { wallClockMs: nowMs })
    try {
      const sent: Sent[] = []
      for (const topic of sourceTopics(graph)) sent.push(...(await sendAll(driver, topic)))
      await driver.run()
      const quarantine = await driver.readQuarantine()
      const rows = new Map<string, Event[]>()
      for (const fact of [...factTables, quarantineFact]) {
        const read = fact === quarantineFact ? quarantine : await driver.read(fact.topic)
        const found = read.flatMap(({ value }) =>
          value === null ? [] : [{ ...(value as object) }],
        )
        rows.set(`${fact.database}.${fact.table}`, found)
        await writeAll(fact, found)
      }
      for (const [table, found] of rows) for (const row of found) assertFinite(row, table)
      const checks = new Map<string, string>()
      for (const { value } of quarantine) {
        if (value !== null) checks.set(`${value.topic} ${value.offset}`, value.check)
      }
      rows.delete('tidemark.quarantine')
      const text = JSON.stringify([...rows.values()])
      assertKept(sent, checks, text)
    } finally {
      await driver.close()
    }
  })
}

function sourceTopics({ nodes }: TopologyGraph): TopicDefinition<any, any>[] {
  const topics = nodes.flatMap((node) => (node.kind === 'source' ? [node.topic] : []))
  return [...new Map(topics.map((topic) => [topic.name, topic])).values()]
}

/** Past the door, as a foreign producer does; what the topic's schema cannot hold is the door's to refuse. */
async function sendAll(
  driver: TopologyTestDriver,
  topic: TopicDefinition<any, any>,
): Promise<Sent[]> {
  const valid = present(validEvents[topic.name], `a valid event of ${topic.name}`)
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const codec = await openAvroCodec<any>({ topic: topic.name, schema: topic.schema, registry })
  const cases = [valid, ...hostileEvents(topic.schema, valid)]
  const sent: Sent[] = []
  const values: unknown[] = []
  for (let number = 0; number < cases.length * eventsPerCase; number++) {
    const mark = `${topic.name}/${number}/`
    const event = present(cases[Math.floor(number / eventsPerCase)], 'a case')(mark, 1000 + number)
    const door = admit(
      { definition: topic, codec },
      { content: { form: 'json', json: event } },
      nowMs,
    )
    let value: unknown
    try {
      value = codec.fromJson(event)
    } catch {
      assert.ok(!door.admitted, `${mark} is no value of its schema, and the door takes it`)
      continue
    }
    values.push(value)
    const offset = sent.length
    sent.push({
      topic: topic.name,
      offset,
      mark,
      event,
      doorCheck: door.admitted ? null : door.check,
    })
  }
  await driver.send(
    topic,
    // Of two versions of a row the later stays.
    values.map((value, index) => ({ value: value as object, timestampMs: nowMs + index })),
  )
  return sent
}

async function writeAll({ database, table }: FactTable<any, any>, rows: readonly Event[]) {
  if (rows.length === 0) return
  const versioned = rows.map((row, index) => ({
    ...row,
    version: BigInt(index),
    is_deleted: 0,
  }))
  await sink.write([{ table: { database, table }, rows: versioned }])
}

function assertFinite(value: unknown, where: string): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), `${where} is ${value}`)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return
  for (const [name, held] of Object.entries(value)) assertFinite(held, `${where}.${name}`)
}

/** @param text of all rows */
function assertKept(
  sent: readonly Sent[],
  checks: ReadonlyMap<string, string>,
  text: string,
): void {
  let refused = 0
  for (const { topic, offset, mark, event, doorCheck } of sent) {
    const check = checks.get(`${topic} ${offset}`)
    if (check !== undefined) refused += 1
    const isThere = check !== undefined || text.includes(`"${mark}"`)
    assert.ok(isThere, `neither a row nor in quarantine: ${JSON.stringify(event)}`)
    const isRefusedTwice = (doorCheck === eventTimeCheck) === (check === eventTimeCheck)
    assert.ok(isRefusedTwice, `door ${doorCheck}, log ${check}: ${JSON.stringify(event)}`)
  }
  assert.ok(refused > 0 && refused < sent.length, `${refused} of ${sent.length} are refused`)
}
