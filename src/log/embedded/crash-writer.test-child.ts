/** Commits until it is killed, and says on stdout what was acknowledged. Run by `embedded-crash.test.ts`. */
import { writeSync } from 'node:fs'

import { systemClock } from '../../core/clock.ts'
import type { Offset, Partition, StoreName, TopicName } from '../../core/record.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import type { Durability } from './rocksdb-storage.ts'

const [, , directory = '', durability = ''] = process.argv
const topic = 'numbers' as TopicName
const partition = 0 as Partition
const group = { groupId: 'group', generationId: -1, memberId: '' }

const { log, state } = await openStorage({
  directory,
  clock: systemClock,
  durability: durability as Durability,
  memoryBudgetBytes: 16 * 1024 * 1024,
})
await log.createTopics([
  { name: topic, partitionCount: 2, cleanupPolicy: 'delete', retentionMs: null },
])
const address = { store: 'sum' as StoreName, partition, key: Buffer.from('sum') }
const [before] = await state.readMany([address])
const producer = await log.transactionalProducer('crash')
// Each transaction: ten records with one number, the offset and the sum of the numbers in state.
for (let number = before?.readUInt32BE(0) ?? 0; ; number++) {
  const value = Buffer.alloc(2000)
  value.writeUInt32BE(number)
  const records = Array.from({ length: 10 }, () => ({ key: null, value, timestampMs: number }))
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(number + 1)
  const transaction = producer.begin()
  transaction.send({ topic, partition, records })
  transaction.sendOffsets(group, [{ topic, partition, offset: (number + 1) as Offset }])
  transaction.writeState([{ ...address, value: sum }])
  const appended = log.append([{ topic, partition: 1 as Partition, records: records.slice(0, 1) }])
  await Promise.all([transaction.commit(), appended])
  writeSync(1, `${number}\n`)
}
