import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { offset, partition, topicName } from '../core/record.ts'
import { avroCodec } from '../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import {
  headersFromJson,
  headersToJson,
  joinFailures,
  quarantineEntry,
  quarantineTopic,
  type QuarantineEntry,
  type QuarantineInput,
} from './quarantine.ts'

const refused: QuarantineInput = {
  topic: topicName('answers'),
  position: { partition: partition(3), offset: offset(17) },
  check: 'avro_decodes',
  level: 'Critical',
  reason: '2 bytes too many',
  source: 'runtime',
  format: 'avro',
  key: Buffer.from('k'),
  value: Buffer.from([0, 0, 0, 0, 1, 255, 254]),
  timestampMs: 1000,
  nowMs: 5000,
}

test('a record of the log has one id, however often and whyever it is refused', () => {
  const first = quarantineEntry(refused)
  const again = quarantineEntry({ ...refused, nowMs: 9000, check: 'other', reason: 'other' })
  assert.equal(first.id, 'answers-3-17')
  assert.equal(again.id, first.id)
  assert.notEqual(
    quarantineEntry({ ...refused, position: { partition: partition(3), offset: offset(18) } }).id,
    first.id,
  )
})

test('a record refused at the door is identified by what it is and where it came from', () => {
  const atDoor: QuarantineInput = { ...refused, position: null, source: 'file', location: 'a:1' }
  const { id } = quarantineEntry(atDoor)
  assert.equal(quarantineEntry({ ...atDoor, nowMs: 1 }).id, id)
  assert.notEqual(quarantineEntry({ ...atDoor, location: 'a:2' }).id, id)
  assert.notEqual(quarantineEntry({ ...atDoor, value: Buffer.from('x') }).id, id)
  assert.notEqual(quarantineEntry({ ...atDoor, key: null }).id, id)
  assert.notEqual(quarantineEntry({ ...atDoor, key: Buffer.alloc(0) }).id, id)
})

test('the original bytes pass through the topic unchanged', async () => {
  const codec = avroCodec<QuarantineEntry>({
    topic: quarantineTopic.name,
    schema: quarantineTopic.schema,
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
  })
  await codec.register()
  fc.assert(
    fc.property(
      fc.option(fc.uint8Array()),
      fc.option(fc.uint8Array()),
      fc.array(fc.tuple(fc.string(), fc.uint8Array())),
      (key, value, headers) => {
        const entry = quarantineEntry({
          ...refused,
          key: key === null ? null : Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          headers: headers.map(([name, bytes]) => [name, Buffer.from(bytes)]),
        })
        assert.deepEqual({ ...codec.decode(codec.encode(entry)) }, entry)
      },
    ),
  )
})

test('a time that no column holds is no time of the row: it has that of the refusal', () => {
  for (const timestampMs of [2 ** 53 - 1, 1_760_000_001_000_000, 0.5, -2_208_988_800_001]) {
    const { record_timestamp, event_time } = quarantineEntry({ ...refused, timestampMs })
    assert.deepEqual([record_timestamp, event_time], [null, refused.nowMs])
  }
})

test('headers survive as JSON, in order and with repeated names', () => {
  const headers = [
    ['a', Buffer.from([0, 255])],
    ['a', Buffer.alloc(0)],
  ] as const
  assert.deepEqual(headersFromJson(headersToJson(headers)), headers)
})

test('several failures of one record make one row of the gravest level with every reason', () => {
  assert.deepEqual(
    joinFailures([
      { check: 'a', level: 'Error', reason: 'first' },
      { check: 'b', level: 'Critical', reason: 'second' },
    ]),
    { check: 'a, b', level: 'Critical', reason: 'first; second' },
  )
})
