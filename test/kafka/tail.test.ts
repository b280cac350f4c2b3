/** `tidemark tail` on a cluster, where no instance runs. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { partition, type ProducerRecord } from '../../src/core/record.ts'
import { openAvroCodec } from '../../src/schema/avro-codec.ts'
import { HttpSchemaRegistry } from '../../src/schema/http-schema-registry.ts'
import { loadSchema } from '../../src/schema/schema-files.ts'
import { runCommand } from '../integration/support/run-command.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import { ourLog } from './support/our-log.ts'
import { RegistryProcess } from './support/registry-process.ts'

const atMs = Date.UTC(2026, 0, 5)

interface Shown {
  readonly offset: number
  readonly key: string
  readonly value: { readonly student_id: string }
}

kafkaTest(
  'a topic is read straight from the brokers: committed records alone, with their schemas',
  async (kafka, t) => {
    const process = await RegistryProcess.start()
    const registry = new HttpSchemaRegistry({ url: process.url })
    t.after(async () => {
      registry.close()
      await process.remove()
    })
    const { log, topic, name } = await ourLog(t, kafka, 2)
    const codec = await openAvroCodec({ topic, schema: loadSchema('students'), registry })
    const record = (student: string): ProducerRecord => ({
      key: Buffer.from(student),
      value: codec.encode({ student_id: student, student_name: null, email: null, created_at: 1 }),
      timestampMs: atMs,
    })
    // Ours sends a transaction's records when it commits; this one leaves them in the log when it aborts.
    const client = new Kafka({ brokers: [...kafka.servers], logLevel: logLevel.NOTHING })
    const producer = client.producer({
      transactionalId: name,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    t.after(() => producer.disconnect())
    const inTransaction = async (student: string, at: number) => {
      const transaction = await producer.transaction()
      const { key, value } = record(student)
      await transaction.send({ topic, messages: [{ key, value, partition: at }] })
      return transaction
    }
    await log.append([{ topic, partition: partition(0), records: [record('ann')] }])
    await (await inTransaction('aborted', 0)).abort()
    await (await inTransaction('bob', 1)).commit()

    const cluster = {
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      SCHEMA_REGISTRY_URL: process.url,
      CLICKHOUSE_URL: 'http://127.0.0.1:9',
    }
    const tail = async (...words: string[]) => {
      const place = ['--data-dir', join(tmpdir(), name)]
      const end = ['--from-beginning', '--timeout-ms', '500']
      const ended = await runCommand(['tail', topic, ...end, ...words, ...place], cluster)
      assert.equal(ended.code, 0, ended.stderr)
      const lines = ended.stdout.split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Shown)
    }
    const students = (await tail()).map(({ value }) => value.student_id)
    assert.deepEqual(students.sort(), ['ann', 'bob'])
    assert.deepEqual(
      (await tail('--key', 'bob')).map(({ key }) => key),
      ['bob'],
    )
    await log.close()
    const unknown = await runCommand(['tail', 'nothing-like-it'], cluster)
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /TOPIC_UNKNOWN: .*nothing-like-it/)
  },
)
