import { TidemarkError } from '../../core/errors.ts'
import type { Offset } from '../../core/record.ts'
import { offset, partition, topicName } from '../../core/record.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import type { RegistryRecord, RegistryStorage } from '../../schema/registry-storage.ts'

/** Confluent's name for the same topic. */
const schemasTopic = topicName('_schemas')
const onlyPartition = partition(0)
const fetchBytesMax = 4 * 1024 * 1024

/** The registry's records in a compacted topic of one partition: durable when the log says so. */
export async function topicRegistryStorage(log: Log, clock: Clock): Promise<RegistryStorage> {
  await log.createTopics([
    { name: schemasTopic, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
  ])
  return {
    load: () => loadAll(log),
    append: async (records) => {
      const timestampMs = clock.nowMs()
      await log.append([
        {
          topic: schemasTopic,
          partition: onlyPartition,
          records: records.map(({ key, value }) => ({
            key: Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
            timestampMs,
          })),
        },
      ])
    },
  }
}

async function loadAll(log: Log): Promise<readonly RegistryRecord[]> {
  const [description] = await log.describeTopics([schemasTopic])
  const range = description?.partitions[0]
  if (range === undefined) {
    throw new TidemarkError('TOPIC_UNKNOWN', `the schema registry's topic ${schemasTopic} is gone`)
  }
  const loaded: RegistryRecord[] = []
  let position: Offset = offset(range.logStartOffset)
  while (position < range.highWatermark) {
    const [fetched] = await log.fetch({
      partitions: [{ topic: schemasTopic, partition: onlyPartition, offset: position }],
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    if (fetched === undefined || fetched.nextOffset <= position) {
      throw new TidemarkError(
        'DATA_DIR_CORRUPT',
        `the schema registry's topic ${schemasTopic} ends at ${position}, before ${range.highWatermark}`,
      )
    }
    for (const { key, value } of fetched.records) {
      if (key !== null) loaded.push({ key: key.toString(), value: value?.toString() ?? null })
    }
    position = fetched.nextOffset
  }
  return loaded
}
