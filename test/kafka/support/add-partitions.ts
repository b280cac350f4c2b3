/** Gives a topic more partitions, as its owner does while others read it. */
import { Admin } from '@platformatic/kafka'
import type { TestKafka } from './kafka-for-tests.ts'

/** @param count in all */
export async function addPartitions(
  kafka: Pick<TestKafka, 'servers'>,
  topic: string,
  count: number,
): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.servers] })
  try {
    await admin.createPartitions({ topics: [{ name: topic, count }] })
  } finally {
    await admin.close()
  }
}
