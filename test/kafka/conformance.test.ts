/** The suite of the Log port on a real broker. */
import { test } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { clusterConformance } from '../../src/log/log-conformance.test-suite.ts'
import { kafkaForTests } from './support/kafka-for-tests.ts'

void test('a real broker keeps what the Log port promises', async (t) => {
  const kafka = await kafkaForTests(t)
  if (kafka === undefined) return
  const { servers, unique } = kafka
  for (const compression of ['none', 'lz4'] as const) {
    await clusterConformance(`on Kafka, compression ${compression}`, async ({ recordBytesMax }) => {
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
})
