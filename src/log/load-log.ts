/** Reads a stored log's memory from its storage: at the start, and again after a failed write. */
import { TidemarkError } from '../core/errors.ts'
import { storeName, topicName } from '../core/record.ts'
import type { Offset } from '../core/record.ts'
import { decodeTuple } from '../core/tuple.ts'
import type { CommittedOffsets, PersistedOffset } from './committed-offsets.ts'
import type { OrderedStorage, StorageEntry } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProducerEpochs } from './producer-epochs.ts'
import type { StateWrites } from './state-writes.ts'
import { lastOffsetOfLogKey, logKey, logKeyEnd } from './storage-keys.ts'
import type { MetaKind } from './storage-keys.ts'
import type { PersistedTopic, TopicCatalog } from './topic-catalog.ts'

/** Where retention has cut a partition, and how far compaction has come. */
export type PersistedCompaction = readonly [offset: number, records: number]

interface LogMemory {
  readonly topics: TopicCatalog
  readonly offsets: CommittedOffsets
  readonly producers: ProducerEpochs
  readonly state: StateWrites
}

const entriesPerRead = 1000
const firstKey = Buffer.alloc(0)
const lastKey = Buffer.alloc(1, 0xff)

export async function loadMeta(storage: OrderedStorage, memory: LogMemory): Promise<void> {
  const marks: [kind: MetaKind, number: number, partition: number, value: unknown][] = []
  let from: Buffer = firstKey
  for (;;) {
    const entries = await storage.scan({
      family: 'meta',
      from,
      to: lastKey,
      entriesMax: entriesPerRead,
    })
    for (const entry of entries) {
      const [kind, first, second, third] = decodeTuple(entry.key)
      const value = parse(entry)
      switch (kind as MetaKind) {
        case 'topic':
          adoptTopic(memory.topics, String(first), value as PersistedTopic)
          break
        case 'offset':
          memory.offsets.adopt(
            String(first),
            String(second),
            Number(third),
            value as PersistedOffset,
          )
          break
        case 'producer':
          memory.producers.adopt(String(first), Number(value))
          break
        case 'store':
          memory.state.adopt(storeName(String(first)), Number(value))
          break
        case 'log-start':
        case 'compacted':
          marks.push([kind as MetaKind, Number(first), Number(second), value])
          break
      }
    }
    const last = entries.at(-1)
    if (last === undefined || entries.length < entriesPerRead) break
    from = Buffer.concat([last.key, Buffer.from([0])])
  }
  applyMarks(memory.topics, marks)
}

/** The high watermark is where the last batch ends, or where retention has cut when none is left. */
export async function loadPartitions(storage: OrderedStorage, topics: TopicCatalog): Promise<void> {
  for (const log of topics.allPartitions()) {
    const highWatermark = await readHighWatermark(storage, log)
    const grew = highWatermark > log.highWatermark
    log.highWatermark = highWatermark
    log.nextOffset = highWatermark
    log.tail.clear()
    if (grew) log.wakeAll()
  }
}

async function readHighWatermark(storage: OrderedStorage, log: PartitionLog): Promise<Offset> {
  const last = await storage.scan({
    family: 'log',
    from: logKey(log.topic.number, log.partition, 0),
    to: logKeyEnd(log.topic.number, log.partition),
    reverse: true,
    entriesMax: 1,
  })
  const end = last[0] === undefined ? 0 : lastOffsetOfLogKey(last[0].key) + 1
  return Math.max(end, log.logStartOffset) as Offset
}

function adoptTopic(topics: TopicCatalog, name: string, persisted: PersistedTopic): void {
  const { partitionCount, cleanupPolicy, retentionMs } = persisted
  topics.adopt({ name: topicName(name), partitionCount, cleanupPolicy, retentionMs }, persisted)
}

function applyMarks(
  topics: TopicCatalog,
  marks: readonly [kind: MetaKind, number: number, partition: number, value: unknown][],
): void {
  const byNumber = new Map([...topics.all()].map((topic) => [topic.number, topic]))
  for (const [kind, number, partition, value] of marks) {
    const log = byNumber.get(number)?.partitions[partition]
    if (log === undefined) continue
    if (kind === 'log-start') log.logStartOffset = value as Offset
    else {
      const [offset, records] = value as PersistedCompaction
      log.compactedOffset = offset as Offset
      log.compactedRecords = records
    }
  }
}

function parse(entry: StorageEntry): unknown {
  try {
    return JSON.parse(entry.value.toString('utf8'))
  } catch (cause) {
    const key = entry.key.toString('latin1')
    throw new TidemarkError('DATA_DIR_CORRUPT', `meta entry ${JSON.stringify(key)} is unreadable`, {
      cause,
    })
  }
}
