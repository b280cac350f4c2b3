/** The suite of the Log port on a real broker. */
import { test } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { clusterConformance } from '../../src/log/log-conformance.test-suite.ts'
import { kafkaForTests } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

let kafka: TestKafka | undefined

await test('a broker is there for the suite of the Log port', async (t) => {
  kafka = await kafkaForTests(t)
})

for (const compression of ['none', 'lz4'] as const) {
  conformance(`on Kafka, compression ${compression}`, compression)
}

function conformance(name: string, compression: 'none' | 'lz4'): void {
  if (kafka === undefined) return
  const { servers, unique } = kafka
  clusterConformance(name, async ({ recordBytesMax }) => {
    const log = await openKafkaLog({
      bootstrapServers: servers,
      clientId: unique('conformance'),
      clock: systemClock,
      compression,
      ...(recordBytesMax === undefined ? {} : { limits: { recordBytesMax } }),
    })
    return { log, suffix: unique(''), close: () => log.close() }
  })
}
