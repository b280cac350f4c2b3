/** What is in the driver's topics, read to the end. */
import { assert } from '../../../src/core/assert.ts'
import { offset, partition } from '../../../src/core/record.ts'
import type { Offset, TopicName } from '../../../src/core/record.ts'
import type { FetchRequest, Log, PartitionOffset } from '../../../src/log/log.ts'
import type { Placed } from './replay.ts'
import { partitionCount } from './ledger-topology.ts'

const bytesMax = 8 * 1024 * 1024

export async function readBack<Value>(
  log: Log,
  topic: TopicName,
  decode: (bytes: Buffer) => Value,
  isolation: FetchRequest['isolation'] = 'read_committed',
): Promise<Placed<Value>[]> {
  const [described] = await log.describeTopics([topic])
  assert(described?.partitionCount === partitionCount, `${topic} has its partitions`)
  const records: Placed<Value>[] = []
  for (const { partition: at, highWatermark, lastStableOffset } of described.partitions) {
    assert(highWatermark === lastStableOffset, `no transaction is open in ${topic}-${at}`)
    for (let next = offset(0); next < highWatermark;) {
      const from = { topic, partition: partition(at), offset: next }
      next = await readSome(log, from, isolation, (where, value) => {
        records.push({ partition: at, offset: where, value: decode(value) })
      })
    }
  }
  return records
}

/** Resolves with where to go on. */
export async function readSome(
  log: Log,
  from: PartitionOffset,
  isolation: FetchRequest['isolation'],
  take: (offset: Offset, value: Buffer) => void,
): Promise<Offset> {
  const [fetched] = await log.fetch({
    partitions: [from],
    bytesMax,
    bytesPerPartitionMax: bytesMax,
    waitMaxMs: 1_000,
    isolation,
  })
  const where = `${from.topic}-${from.partition}`
  assert(fetched !== undefined, `${where} was fetched`)
  for (const record of fetched.records) {
    assert(record.value !== null, `${where}@${record.offset} has a value`)
    take(record.offset, record.value)
  }
  return fetched.nextOffset
}
