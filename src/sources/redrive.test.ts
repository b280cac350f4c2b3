/** Quarantine from its topic and back: what `tidemark quarantine redrive` does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuarantineEntry } from '../quality/quarantine.ts'
import { readQuarantine, type QuarantineFilter } from '../quality/read-quarantine.ts'
import { redrive } from '../quality/redrive.ts'
import { openIngestFixture, type IngestFixture } from './ingest-fixture.test-support.ts'
import type { IngestRecord } from './ingest-port.ts'

async function read(
  { log, quarantine }: IngestFixture,
  filter: QuarantineFilter = {},
): Promise<QuarantineEntry[]> {
  const found: QuarantineEntry[] = []
  for await (const entries of readQuarantine(log, quarantine, filter)) found.push(...entries)
  return found
}

const bad = (student: string): IngestRecord => ({
  content: { form: 'text', bytes: Buffer.from(`{"exam":"1","studentId":"${student}","score":1}`) },
  timestampMs: 77,
})
const options = { onError: 'quarantine', source: 'ingest' } as const

test('entries are found by id and topic, each once, until they are sent again', async () => {
  const fixture = await openIngestFixture()
  const { ingest, log } = fixture
  await ingest.ingest('exam_score', [bad('a'), bad('b'), bad('a')], options)
  await ingest.ingest('exam_score', [bad('a')], options)
  await ingest.ingest('students', [{ content: { form: 'json', json: {} } }], options)
  assert.equal((await read(fixture)).length, 3)
  const scores = await read(fixture, { topic: 'exam_score' })
  assert.equal(scores.length, 2)
  const [first] = scores
  assert.equal((await read(fixture, { ids: [first?.id ?? ''] })).length, 1)
  assert.deepEqual(await read(fixture, { ids: ['unknown'] }), [])

  const report = await redrive(scores, { set: { exam: 1 } }, { ...fixture, nowMs: 5 })
  assert.equal(report.redriven.length, 2)
  assert.deepEqual(await read(fixture, { topic: 'exam_score' }), [])
  const records = await fixture.records('exam_score')
  assert.deepEqual(
    records.map(({ timestampMs }) => timestampMs),
    [77, 77],
  )
  const [header] = records[0]?.headers ?? []
  assert.equal(header?.[0], 'tidemark.redrive')
  assert.ok(report.redriven.includes(header[1].toString()))
  await log.close()
})

test('a number for a field that is a text is that text', async () => {
  const fixture = await openIngestFixture()
  await fixture.ingest.ingest('students', [{ content: { form: 'json', json: {} } }], options)
  const report = await redrive(
    await read(fixture),
    { set: { student_id: -10 } },
    { ...fixture, nowMs: 5 },
  )
  assert.equal(report.redriven.length, 1, JSON.stringify(report.refused))
  const [{ value } = {}] = await fixture.records('students')
  const { codec } = fixture.ingest.topic('students')
  assert.equal((codec.decode(value as Buffer) as { student_id: unknown }).student_id, '-10')
  await fixture.log.close()
})

test('bytes that the registry did not know are sent as they were, once it knows them', async () => {
  const fixture = await openIngestFixture()
  const { codec } = fixture.ingest.topic('students')
  const bytes = Buffer.from(codec.encode(codec.fromJson({ student_id: 'a' })))
  const known = bytes.readUInt32BE(1)
  const schema = JSON.parse((await fixture.registry.schemaById(known)) ?? '') as object
  const nextId = 1 + Math.max(...(await ids(fixture)))
  bytes.writeUInt32BE(nextId, 1)
  await fixture.ingest.ingest('students', [{ content: { form: 'framed', bytes } }], options)
  const entries = await read(fixture)
  assert.equal(entries[0]?.check, 'schema_id_unknown')
  const services = { ...fixture, nowMs: 5 }
  const early = await redrive(entries, {}, services)
  assert.match(early.refused[0]?.reason ?? '', /not in the registry/)

  const registered = await fixture.registry.register('students-value', { ...schema, doc: 'newer' })
  assert.equal(registered.id, nextId)
  const late = await redrive(entries, {}, services)
  assert.deepEqual(late.refused, [])
  assert.deepEqual((await fixture.records('students'))[0]?.value, bytes)
  await fixture.log.close()
})

async function ids({ registry }: IngestFixture): Promise<number[]> {
  const versions = (await registry.subjects()).map((subject) => registry.version(subject, 'latest'))
  return (await Promise.all(versions)).map(({ id }) => id)
}

test('what cannot be mended stays, with the reason', async () => {
  const fixture = await openIngestFixture()
  const framed = { form: 'framed', bytes: Buffer.from('junk!!') } as const
  await fixture.ingest.ingest('students', [{ content: framed }], options)
  const [entry] = await read(fixture)
  assert.ok(entry !== undefined)
  const services = { ...fixture, nowMs: 5 }
  const reasonOf = async (entries: QuarantineEntry[], mending: object) =>
    (await redrive(entries, mending, services)).refused[0]?.reason ?? ''
  assert.match(await reasonOf([entry], { set: { a: 1 } }), /first byte.*give a whole new value/s)
  assert.match(await reasonOf([entry], { value: { student_id: '' } }), /"student_id": empty/)
  assert.match(await reasonOf([{ ...entry, topic: 'gone' }], {}), /gone is not one of this/)
  const lost = { ...entry, record_value: null, location: 'f:1' }
  assert.match(await reasonOf([lost], {}), /not kept.*f:1/)
  assert.equal((await read(fixture)).length, 1)
  const mended = await redrive([entry], { value: { student_id: 'a' } }, services)
  assert.equal(mended.redriven.length, 1)
  await fixture.log.close()
})
