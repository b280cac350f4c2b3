/** Everything that is committed in the driver's topics, read to the end. */
import { assert } from '../../../src/core/assert.ts'
import { offset, partition } from '../../../src/core/record.ts'
import type { Offset, Partition, TopicName } from '../../../src/core/record.ts'
import type { Log } from '../../../src/log/log.ts'
import type { Placed } from './replay.ts'
import { partitionCount } from './ledger-topology.ts'

const bytesMax = 8 * 1024 * 1024

export async function readBack<Value>(
  log: Log,
  topic: TopicName,
  decode: (bytes: Buffer) => Value,
): Promise<Placed<Value>[]> {
  const [described] = await log.describeTopics([topic])
  assert(described?.partitionCount === partitionCount, `${topic} has its partitions`)
  const records: Placed<Value>[] = []
  for (const { partition: at, highWatermark, lastStableOffset } of described.partitions) {
    assert(highWatermark === lastStableOffset, `no transaction is open in ${topic}-${at}`)
    for (let next = offset(0); next < highWatermark;) {
      next = await readSome(log, topic, partition(at), next, (where, value) => {
        records.push({ partition: at, offset: where, value: decode(value) })
      })
    }
  }
  return records
}

/** Resolves with where to go on. */
export async function readSome(
  log: Log,
  topic: TopicName,
  at: Partition,
  from: Offset,
  take: (offset: Offset, value: Buffer) => void,
): Promise<Offset> {
  const [fetched] = await log.fetch({
    partitions: [{ topic, partition: at, offset: from }],
    bytesMax,
    bytesPerPartitionMax: bytesMax,
    waitMaxMs: 1_000,
    isolation: 'read_committed',
  })
  assert(fetched !== undefined, `${topic}-${at} was fetched`)
  for (const record of fetched.records) {
    assert(record.value !== null, `${topic}-${at}@${record.offset} has a value`)
    take(record.offset, record.value)
  }
  return fetched.nextOffset
}
