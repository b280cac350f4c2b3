/** Every way in over real HTTP, as a producer would use it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionForKey } from '../../core/partitioner.ts'
import { encodeTuple } from '../../core/tuple.ts'
import { fixturePartitionCount } from '../../sources/ingest-fixture.test-support.ts'
import { answerOf, ingestDoor, ofValues } from './ingest-door.test-support.ts'

const door = ingestDoor()

test('JSON records are encoded with the topic’s schema, keyed and placed by their key', async () => {
  const { status, body } = await door.post(
    '/topics/answers',
    ofValues(answerOf('a'), answerOf('b')),
  )
  assert.equal(status, 200)
  const ids = await door.fixture.registry.version('answers-value', 'latest')
  assert.equal(body.value_schema_id, ids.id)
  assert.equal(body.key_schema_id, null)
  for (const [index, student] of ['a', 'b'].entries()) {
    const key = encodeTuple(['t1', student])
    const place = body.offsets[index]!
    assert.equal(place.partition, partitionForKey(key, fixturePartitionCount))
    assert.equal(place.error_code, null)
    const record = (await door.fixture.records('answers')).find(
      ({ partition, offset }) => partition === place.partition && offset === place.offset,
    )
    assert.deepEqual(record?.key, key)
    assert.equal(record.timestampMs, 1_600_000_000_000)
  }
})

test('a record’s own timestamp comes before its value’s time, and both before the clock', async () => {
  const session = { session_id: 's', student_id: 'a', test_id: 't' }
  await door.post('/topics/sessions', {
    records: [
      { value: { ...session, timestamp: 5 }, timestamp: 7 },
      { value: { ...session, timestamp: 5 } },
      { value: session },
    ],
  })
  const times = (await door.fixture.records('sessions')).map(({ timestampMs }) => timestampMs)
  assert.deepEqual(times, [7, 5, door.fixture.clock.nowMs()])
})

test('by default nothing of a batch with a bad record is taken, and each one is named', async () => {
  const { status, body } = await door.post(
    '/topics/answers',
    ofValues(
      answerOf('a'),
      { ...answerOf('b'), timestamp: 'noon' },
      { ...answerOf('c'), anwser_id: 1, answer_id: undefined },
      { ...answerOf('') },
    ),
  )
  assert.equal(status, 422)
  assert.equal(body.error_code, 42203)
  assert.equal(body.errors_total, 3)
  assert.deepEqual(
    body.errors.map(({ index, field, error_code }) => [index, field, error_code]),
    [
      [1, 'timestamp', 42203],
      [2, 'answer_id', 42203],
      [2, 'anwser_id', 42203],
      [3, 'student_id', 42207],
    ],
  )
  assert.match(body.errors[0]?.reason ?? '', /expected .*found "noon"/)
  assert.match(body.errors[2]?.reason ?? '', /did you mean "answer_id"\?/)
  assert.deepEqual(await door.fixture.records('answers'), [])
  assert.deepEqual(await door.fixture.quarantined(), [])
})

test('with on_error=quarantine the good are taken and the bad kept as they came', async () => {
  const bad = { ...answerOf('b'), timestamp: null }
  const path = '/topics/answers?on_error=quarantine'
  const { status, body } = await door.post(path, ofValues(answerOf('a'), bad, answerOf('c')))
  assert.equal(status, 200)
  assert.deepEqual(
    body.offsets.map(({ error_code }) => error_code),
    [null, 42203, null],
  )
  assert.match(body.offsets[1]?.error ?? '', /field "timestamp": expected .*found null/)
  assert.equal((await door.fixture.records('answers')).length, 2)
  const [entry] = await door.fixture.quarantined()
  assert.equal(entry?.id, body.offsets[1]?.quarantine_id)
  assert.equal(entry?.record_value?.toString(), JSON.stringify(bad))
  assert.equal(entry.source, 'ingest')
  assert.equal(entry.topic, 'answers')

  await door.post(path, ofValues(bad))
  assert.equal(
    (await door.fixture.quarantined()).length,
    1,
    'the same record again is the same row',
  )
})

test('what is kept are the bytes that were sent, not what they parse to', async () => {
  const value = '{ "answer_id": 12345678901234567890, "x" : "\\u00e9" }'
  await door.post('/topics/answers?on_error=quarantine', `{"records":[{"value":${value}}]}`)
  assert.equal((await door.fixture.quarantined())[0]?.record_value?.toString(), value)
})

test('with on_error=skip the good are taken and the bad only answered', async () => {
  const { status, body } = await door.post(
    '/topics/answers?on_error=skip',
    ofValues({ ...answerOf('b'), timestamp: null }, answerOf('c')),
  )
  assert.equal(status, 200)
  assert.equal(body.offsets[0]?.error_code, 42203)
  assert.equal(body.offsets[0].quarantine_id, undefined)
  assert.equal((await door.fixture.records('answers')).length, 1)
  assert.deepEqual(await door.fixture.quarantined(), [])
  assert.deepEqual(door.fixture.ingest.counters.of('answers'), {
    taken: 1,
    refused: 1,
    quarantined: 0,
    warnings: 0,
  })
})

test('a failed check refuses a record, a warning only counts it', async () => {
  const score = { exam: 1, studentId: 's', score: -1 }
  const refused = await door.post('/topics/exam_score', ofValues(score))
  assert.equal(refused.body.error_code, 42209)
  assert.match(refused.body.errors[0]?.reason ?? '', /score is -1/)
  assert.equal(
    (await door.post('/topics/exam_score', ofValues({ ...score, score: null }))).status,
    200,
  )
  assert.equal(door.fixture.ingest.counters.of('exam_score').warnings, 1)
})

test('a given key must be the value’s own, in any of its forms', async () => {
  const value = answerOf('a')
  for (const key of [['t1', 'a'], { test_id: 't1', student_id: 'a' }, null]) {
    const { status } = await door.post('/topics/answers', { records: [{ key, value }] })
    assert.equal(status, 200, JSON.stringify(key))
  }
  const { status, body } = await door.post('/topics/answers', { records: [{ key: 'a', value }] })
  assert.equal(status, 422)
  assert.equal(body.error_code, 42207)
  assert.equal(body.errors[0]?.field, 'key')
  const student = { student_id: 'a' }
  const single = await door.post('/topics/students', { records: [{ key: 'a', value: student }] })
  assert.equal(single.status, 200)
})

test('a null value deletes from a compacted topic by its key, and is refused elsewhere', async () => {
  assert.equal((await door.post('/topics/students', ofValues(null))).body.error_code, 42207)
  const gone = await door.post('/topics/students', { records: [{ key: 'a', value: null }] })
  assert.equal(gone.status, 200)
  const [record] = await door.fixture.records('students')
  assert.deepEqual([record?.key, record?.value], [encodeTuple(['a']), null])
  const refused = await door.post('/topics/answers', {
    records: [{ key: ['t', 'a'], value: null }],
  })
  assert.equal(refused.body.error_code, 42203)
})

test('a partition is the key’s own, or refused', async () => {
  const own = partitionForKey(encodeTuple(['t1', 'a']), fixturePartitionCount)
  const other = (own + 1) % fixturePartitionCount
  const body = ofValues(answerOf('a'))
  assert.equal((await door.post(`/topics/answers/partitions/${own}`, body)).status, 200)
  const refused = await door.post(`/topics/answers/partitions/${other}`, body)
  assert.equal(refused.body.error_code, 42208)
  const unknown = await door.post('/topics/answers/partitions/99', body)
  assert.deepEqual([unknown.status, unknown.body.error_code], [404, 40402])
})

test('topics are listed and described', async () => {
  const get = async (path: string) => (await fetch(door.listener.url + path)).json()
  assert.ok(((await get('/topics')) as string[]).includes('answers'))
  const answers = (await get('/topics/answers')) as { name: string; partitions: unknown[] }
  assert.equal(answers.name, 'answers')
  assert.equal(answers.partitions.length, fixturePartitionCount)
  assert.deepEqual(await get('/'), { service: 'tidemark ingest', topics: '/topics' })
})
