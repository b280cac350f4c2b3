import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import { stringSerde } from '../core/serde.ts'
import { redrive } from '../quality/redrive.ts'
import { ingestFiles, type FileIngestOptions, type FileProgress } from './ingest-files.ts'
import {
  fixtureRecordBytesMax,
  openIngestFixture,
  type IngestFixture,
} from './ingest-fixture.test-support.ts'

let fixture: IngestFixture
let directory: string

beforeEach(async () => {
  fixture = await openIngestFixture()
  directory = mkdtempSync(join(tmpdir(), 'tidemark-files-'))
})
afterEach(async () => {
  rmSync(directory, { recursive: true })
  await fixture.log.close()
})

function write(name: string, content: string | Buffer): string {
  const path = join(directory, name)
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content)
  return path
}

function read(topic: string, files: string[], more: Partial<FileIngestOptions> = {}) {
  return ingestFiles({
    topic: fixture.ingest.topic(topic).definition,
    files,
    ingest: fixture.ingest,
    clock: systemClock,
    recordBytesMax: fixtureRecordBytesMax,
    ...more,
  })
}

test('CSV, TSV, semicolons, NDJSON and gzip give the same rows, whatever they write for missing', async () => {
  const files = [
    write('a.csv', '\ufeffstudent_id,student_name,email\r\na,"Ann ""A"", x",\r\n'),
    write('b.tsv', 'student_id\tstudent_name\temail\nb\tBob\t?\n'),
    write('c.csv.gz', 'student_id;email;student_name\n\nc;;"Cy\ntwo"'),
    write('d.ndjson', '{"student_id":"d"}\n\n'),
    write('e.jsonl.gz', '{"student_id":"e","created_at":"2024-01-31T10:00:00Z"}'),
  ]
  const report = await read('students', files)
  assert.deepEqual([report.rows, report.taken, report.quarantined], [5, 5, 0])
  const values = await fixture.values('students')
  const byId = new Map(values.map((value) => [value['student_id'], value]))
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((id) => [byId.get(id)?.['student_name'], byId.get(id)?.['email']]),
    [
      ['Ann "A", x', null],
      ['Bob', null],
      ['Cy\ntwo', null],
      [null, null],
    ],
  )
  assert.equal(byId.get('e')?.['created_at'], Date.UTC(2024, 0, 31, 10))
})

test('a bad line stays as it came, where lines are given an identity too', async () => {
  const line = '{"exam": "x",  "studentId": "b", "score": 12345678901234567890}'
  const path = write('scores.jsonl', `${line}\n`)
  const report = await read('exam_score', [path], { identityField: '_source_row' })
  assert.equal(report.quarantined, 1)
  const [kept] = await fixture.quarantined()
  assert.equal(kept?.record_value?.toString(), line)
})

test('bad rows go to quarantine as they are, with their file and line, and the rest goes on', async () => {
  const path = write(
    'scores.csv',
    Buffer.concat([
      Buffer.from('exam,studentId,score\n1,a,0.5\nx,b,1\n2,c\n3,"d"e,1\n4,f,-1\n5,"g,1\n6,h,1\n7,'),
      Buffer.from([0xff]),
      Buffer.from(`,1\n8,${'i'.repeat(70_000)},1\n9,j,1\n`),
    ]),
  )
  const report = await read('exam_score', [path])
  assert.deepEqual([report.rows, report.taken, report.quarantined], [10, 3, 7])
  const kept = (await fixture.quarantined()).map(({ location, record_value, reason }) => [
    Number(location?.slice(path.length + 1)),
    record_value?.toString('latin1'),
    reason,
  ])
  const expected: [number, string | undefined, RegExp][] = [
    [3, 'x,b,1', /"exam": expected .*found "x"/],
    [4, '2,c', /2 cells, the header 3/],
    [5, '3,"d"e,1', /goes on behind its closing quote/],
    [6, '4,f,-1', /score is -1/],
    [7, '5,"g,1', /never closes/],
    [9, '7,\xff,1', /not UTF-8/],
    [10, undefined, /70004 bytes.*see .*scores\.csv:10/],
  ]
  kept.sort(([a], [b]) => Number(a) - Number(b))
  for (const [index, [line, value, reason]] of expected.entries()) {
    assert.deepEqual(kept[index]?.slice(0, 2), [line, value])
    assert.match(String(kept[index][2]), reason)
  }
})

test('a row that is mended by redrive gives what it would have given at first', async () => {
  const path = write('scores.csv', 'exam,studentId,score\n1,a,zero\n2,"b",1\n')
  await read('exam_score', [path])
  const [entry] = await fixture.quarantined()
  assert.equal(entry?.location, `${path}:2`)
  assert.equal(entry.record_format, 'csv')
  assert.equal(entry.record_value?.toString(), '1,a,zero')
  assert.match(entry.reason, /field "score": expected .*found "zero"/)
  const services = { ...fixture, nowMs: 1 }
  const unmended = await redrive([entry], {}, services)
  assert.equal(unmended.redriven.length, 0)
  assert.match(unmended.refused[0]?.reason ?? '', /"score"/)
  const mended = await redrive([entry], { set: { score: 0 } }, services)
  assert.deepEqual(mended.redriven, [entry.id])
  const values = await fixture.values('exam_score')
  assert.deepEqual(
    values.map(({ exam, score }) => [exam, score]).sort(),
    [
      [1, 0],
      [2, 1],
    ].sort(),
  )
  const [after] = await fixture.quarantined()
  assert.equal(after?.status, 'redriven')
  const again = await redrive([after], {}, services)
  assert.deepEqual(again, { redriven: [], refused: [], already: [entry.id] })
})

test('with refuse a bad row stops the reading and is named', async () => {
  const path = write('a.csv', 'exam,studentId,score\n1,,2\n')
  await assert.rejects(read('exam_score', [path], { onError: 'refuse' }), (error: Error) => {
    assert.ok(error.message.includes(`${path}:2: field "studentId": empty`), error.message)
    return true
  })
})

test('where the topic has no key the content and the row are the identity', async () => {
  const definition = {
    ...fixture.ingest.topic('students').definition,
    keyOf: undefined,
    keySerde: stringSerde,
  }
  const { keyOf: _none, ...keyless } = definition
  const topics = new Map([
    ['students', { definition: keyless, codec: fixture.ingest.topic('students').codec }],
  ])
  const { LocalIngest } = await import('./ingest-records.ts')
  const ingest = new LocalIngest({ ...fixture, topics, recordBytesMax: fixtureRecordBytesMax })
  const content = 'student_id\nsame\nsame\n'
  const files = [write('one.csv', content), write('two.csv', content)]
  await read('students', files, { topic: keyless, ingest })
  const keys = (await fixture.records('students')).map(({ key }) => key?.toString() ?? '').sort()
  assert.equal(new Set(keys).size, 2, 'two rows of equal content, read twice, are two events')
  assert.match(keys[0] ?? '', /^[0-9a-f]{32}:1$/)
  const alike = [
    write('crlf.csv', content.replaceAll('\n', '\r\n')),
    write('mark.csv', `\ufeff${content}`),
    write('packed.csv.gz', content),
  ]
  await read('students', alike, { topic: keyless, ingest })
  const all = (await fixture.records('students')).map(({ key }) => key?.toString() ?? '')
  assert.deepEqual([all.length, new Set(all).size], [10, 2], 'line ends and packing say nothing')
})

test('a checkpoint spares the rows that are durable', async () => {
  const done = new Map<string, number>()
  const checkpoints = {
    rowsDone: (hash: string) => done.get(hash) ?? 0,
    save: (hash: string, rows: number) => {
      done.set(hash, rows)
    },
  }
  const rows = Array.from({ length: 7000 }, (_, index) => `1,s${index},1`)
  const path = write('a.csv', `exam,studentId,score\n${rows.join('\n')}\n`)
  const controller = new AbortController()
  const stopped = read('exam_score', [path], {
    checkpoints,
    signal: controller.signal,
    onProgress: () => {
      controller.abort()
    },
  })
  await assert.rejects(stopped, /stopped/)
  assert.deepEqual([...done.values()], [5000])
  const resumed = await read('exam_score', [path], { checkpoints })
  assert.deepEqual([resumed.rowsSkipped, resumed.taken], [5000, 2000])
  assert.equal((await fixture.records('exam_score')).length, 7000)
})

test('progress ends at the last byte and row', async () => {
  const rows = Array.from({ length: 6000 }, (_, index) => `{"student_id":"s${index}"}`)
  const seen: FileProgress[] = []
  const path = write('a.ndjson.gz', rows.join('\n'))
  await read('students', [path], { onProgress: (progress) => seen.push(progress) })
  const last = seen.at(-1)
  assert.equal(last?.rows, 6000)
  assert.equal(last.bytesRead, last.bytesTotal)
})

test('files that cannot be read are named', async () => {
  await assert.rejects(read('students', [join(directory, 'none.csv')]), /none\.csv: ENOENT/)
  await assert.rejects(read('students', [write('a.xml', '')]), /must end in \.ndjson/)
  await assert.rejects(read('students', [write('a.csv', '\n\n')]), /no header line/)
  const broken = write('a.ndjson', gzipSync('{"student_id":"a"}').subarray(0, 20))
  const { renameSync } = await import('node:fs')
  renameSync(broken, `${broken}.gz`)
  await assert.rejects(read('students', [`${broken}.gz`]), /a\.ndjson\.gz: unexpected end of file/)
})
