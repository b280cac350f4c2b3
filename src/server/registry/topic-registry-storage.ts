import { TidemarkError } from '../../core/errors.ts'
import type { Offset, TopicName } from '../../core/record.ts'
import { offset, partition, topicName } from '../../core/record.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import type { RegistryRecord, RegistryStorage } from '../../schema/registry-storage.ts'

/** Confluent's name for the same topic. */
const schemasTopic = topicName('_schemas')
const onlyPartition = partition(0)
const fetchBytesMax = 4 * 1024 * 1024
const fetchWaitMaxMs = 500
/** In a row, before the end of the topic is given up. */
const emptyFetchesMax = 20

/** The registry's records in a compacted topic of one partition: durable when the log says so. */
export function topicRegistryStorage(log: Log, clock: Clock): Promise<RegistryStorage> {
  return topicTextStorage(log, clock, schemasTopic)
}

/** Texts by key in a compacted topic of one partition, which is created where it is missing. */
export async function topicTextStorage(
  log: Log,
  clock: Clock,
  topic: TopicName,
): Promise<RegistryStorage> {
  await log.createTopics([
    { name: topic, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
  ])
  return {
    load: () => loadAll(log, topic),
    append: async (records) => {
      const timestampMs = clock.nowMs()
      await log.append([
        {
          topic,
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

async function loadAll(log: Log, topic: TopicName): Promise<readonly RegistryRecord[]> {
  const [description] = await log.describeTopics([topic])
  const range = description?.partitions[0]
  if (range === undefined) throw new TidemarkError('TOPIC_UNKNOWN', `topic ${topic} is gone`)
  const loaded: RegistryRecord[] = []
  let position: Offset = offset(range.logStartOffset)
  let emptyFetches = 0
  while (position < range.lastStableOffset) {
    const [fetched] = await log.fetch({
      partitions: [{ topic, partition: onlyPartition, offset: position }],
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: fetchWaitMaxMs,
      isolation: 'read_committed',
    })
    if (fetched === undefined || fetched.nextOffset <= position) {
      emptyFetches += 1
      if (emptyFetches < emptyFetchesMax) continue
      throw new TidemarkError(
        'DATA_DIR_CORRUPT',
        `topic ${topic} ends at ${position}, before ${range.lastStableOffset}`,
      )
    }
    emptyFetches = 0
    for (const { key, value } of fetched.records) {
      if (key !== null) loaded.push({ key: key.toString(), value: value?.toString() ?? null })
    }
    position = fetched.nextOffset
  }
  return loaded
}
