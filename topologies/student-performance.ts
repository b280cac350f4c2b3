/**
 * Files of student performance that are dropped into a folder: their rows, once each whatever is dropped twice, and what
 * was found in them. A record is some rows of one file; `schemas/files/student-performance.yaml` says what they mean.
 */
import { topicName } from '../src/core/record.ts'
import type { TopicDefinition } from '../src/core/topic.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import * as facts from '../src/facts/student-performance.ts'
import { numberSerde } from '../src/processors/number-serde.ts'
import type { StudentRows } from '../src/processors/student-performance/batch.ts'
import { partSerde } from '../src/processors/student-performance/part.ts'
import {
  batchTimesStore,
  partDropsStore,
  retractedDropsStore,
  studentRowsPorts as ports,
  StudentRowsProcessor,
  type PartDropKey,
} from '../src/processors/student-performance/student-rows-processor.ts'
import { loadFileSchema } from '../src/quality/file-schema.ts'
import { loadSchema } from '../src/schema/schema-files.ts'
import { defineTopology } from '../src/topology/define.ts'
import { keyValueStore } from '../src/topology/stores.ts'

const schema = loadFileSchema('student-performance')
const batchKeySerde = tupleSerde<facts.BatchKey>()

const studentPerformance: TopicDefinition<facts.BatchKey, StudentRows> = {
  name: topicName(schema.topic),
  keySerde: batchKeySerde,
  keyOf: ({ file_hash, batch }) => (file_hash === '' ? null : [file_hash, batch]),
  eventTimeMsOf: ({ dropped_at }) => dropped_at,
  schema: loadSchema(schema.topic),
  cleanupPolicy: 'delete',
  // Kept: files may be years old, and retention goes by event time.
  retentionMs: null,
  // Its rows have no identity.
  persons: [],
}

export const factTables = Object.values(facts)

export default defineTopology('student-performance', (builder) => {
  const rows = builder.process<any, any>('student-rows', {
    inputs: [builder.stream('student-performance', studentPerformance)],
    stores: [
      // A file comes once: what is known of it would only fill the memory.
      keyValueStore(batchTimesStore, batchKeySerde, partSerde, { caching: false }),
      keyValueStore(partDropsStore, tupleSerde<PartDropKey>(), numberSerde, { caching: false }),
      keyValueStore(retractedDropsStore, tupleSerde<facts.DropKey>(), numberSerde, {
        caching: false,
      }),
    ],
    supplier: () => new StudentRowsProcessor(schema),
  })
  rows.to(ports.rows, facts.studentData.topic)
  rows.to(ports.drops, facts.drops.topic)
})
