/** For tests: an ingest over a real log, registry and codecs, in memory. */
import { present } from '../core/assert.ts'
import { ManualClock } from '../core/clock.ts'
import { partition as partitionOf, offset, topicName } from '../core/record.ts'
import type { ConsumerRecord } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { tupleSerde } from '../core/tuple.ts'
import { StoredLog } from '../log/stored-log.ts'
import { MemoryStorage } from '../log/memory/memory-storage.ts'
import type { AdmissionTopic } from '../quality/admission.ts'
import { check } from '../quality/checks.ts'
import { entryBytesMax, quarantineTopic, type QuarantineEntry } from '../quality/quarantine.ts'
import { openAvroCodec, type AvroCodec } from '../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { loadSchema } from '../schema/schema-files.ts'
import { LocalIngest } from './ingest-records.ts'

type Fields = Readonly<Record<string, unknown>>

function topic(
  name: string,
  keyFields: readonly string[],
  timeField: string | null,
): TopicDefinition<readonly string[], Fields> {
  return {
    name: topicName(name),
    keySerde: tupleSerde<readonly string[]>(),
    keyOf: (value) => {
      const parts = keyFields.map((field) => String(value[field]))
      return parts.includes('') ? null : parts
    },
    eventTimeMsOf: (value) => (timeField === null ? null : (value[timeField] as number | null)),
    schema: loadSchema(name),
    cleanupPolicy: timeField === null ? 'compact' : 'delete',
    retentionMs: null,
  }
}

const examScore: TopicDefinition<readonly string[], Fields> = {
  ...topic('exam_score', [], 'timestamp'),
  keyOf: (value) => {
    if (typeof value['event_id'] === 'string' && value['event_id'] !== '') {
      return [value['event_id']]
    }
    return value['studentId'] === ''
      ? null
      : [`${String(value['exam'])}/${String(value['studentId'])}`]
  },
}

export const fixtureTopics: readonly TopicDefinition<any, any>[] = [
  topic('students', ['student_id'], null),
  topic('teachers', ['teacher_id'], null),
  topic('tests', ['test_id'], null),
  topic('questions', ['question_id'], null),
  topic('sessions', ['test_id', 'student_id'], 'timestamp'),
  topic('answers', ['test_id', 'student_id'], 'timestamp'),
  topic('submissions', ['test_id', 'student_id'], 'submit_time'),
  examScore,
]

export const fixturePartitionCount = 3
export const fixtureRecordBytesMax = 64 * 1024

export interface IngestFixture {
  readonly clock: ManualClock
  readonly log: StoredLog
  readonly registry: LocalSchemaRegistry
  readonly topics: ReadonlyMap<string, AdmissionTopic>
  readonly quarantine: AvroCodec<QuarantineEntry>
  readonly ingest: LocalIngest
  /** All values of a topic, decoded, by partition and offset. */
  values(name: string): Promise<readonly Fields[]>
  records(name: string): Promise<readonly (ConsumerRecord & { readonly partition: number })[]>
  /** The current entry of each id. */
  quarantined(): Promise<readonly QuarantineEntry[]>
}

export async function openIngestFixture(): Promise<IngestFixture> {
  const clock = new ManualClock(1_700_000_000_000)
  const log = await StoredLog.open(new MemoryStorage(), {
    clock,
    recordBytesMax: entryBytesMax(fixtureRecordBytesMax),
  })
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  await log.createTopics(
    [...fixtureTopics, quarantineTopic].map(({ name, cleanupPolicy, retentionMs }) => {
      return { name, cleanupPolicy, retentionMs, partitionCount: fixturePartitionCount }
    }),
  )
  const topics = new Map<string, AdmissionTopic>()
  for (const definition of fixtureTopics) {
    const { name, schema } = definition
    const codec = await openAvroCodec<Fields>({ topic: name, schema, registry })
    const checks = definition === examScore ? scoreChecks : []
    topics.set(name, { definition, codec, checks })
  }
  const { name, schema } = quarantineTopic
  const quarantine = await openAvroCodec<QuarantineEntry>({ topic: name, schema, registry })
  const ingest = new LocalIngest({
    topics,
    log,
    clock,
    quarantine,
    recordBytesMax: fixtureRecordBytesMax,
  })
  const records = (of: string) => readAll(log, of)
  return {
    clock,
    log,
    registry,
    topics,
    quarantine,
    ingest,
    records,
    values: async (of) => {
      const { codec } = ingest.topic(of)
      const found = await records(of)
      await codec.prepare(found.map(({ value }) => value))
      return found.map(({ value }) =>
        value === null ? {} : { ...(codec.decode(value) as Fields) },
      )
    },
    quarantined: async () => {
      const current = new Map<string, QuarantineEntry>()
      for (const { value } of await records(quarantineTopic.name)) {
        const entry = quarantine.decode(present(value, 'a quarantined value'))
        current.set(entry.id, entry)
      }
      return [...current.values()]
    },
  }
}

const scoreChecks = [
  check<Fields>(
    'score_not_negative',
    'Error',
    ({ score }) => !((score as number | null) !== null && (score as number) < 0),
    ({ score }) => `score is ${String(score)}; expected 0 or more`,
  ),
  check<Fields>(
    'score_is_there',
    'Warning',
    ({ score }) => score !== null,
    () => 'no score',
  ),
]

async function readAll(
  log: StoredLog,
  name: string,
): Promise<(ConsumerRecord & { readonly partition: number })[]> {
  const found: (ConsumerRecord & { readonly partition: number })[] = []
  for (let index = 0; index < fixturePartitionCount; index++) {
    let position = offset(0)
    for (;;) {
      const [fetched] = await log.fetch({
        partitions: [{ topic: topicName(name), partition: partitionOf(index), offset: position }],
        bytesMax: 1 << 24,
        bytesPerPartitionMax: 1 << 24,
        waitMaxMs: 0,
        isolation: 'read_committed',
      })
      if (fetched === undefined || fetched.records.length === 0) break
      found.push(...fetched.records.map((record) => ({ ...record, partition: index })))
      position = fetched.nextOffset
    }
  }
  return found
}
