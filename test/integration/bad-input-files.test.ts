/** Bad rows of files and feeds, by the commands a person uses: told with file and line, kept, mended and sent again. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { tidemark, up, type Outcome, type RunningInstance } from './doors-support/command.ts'
import { answerEvent, startMs, type QuarantineRow } from './doors-support/test-instance.ts'

const mebibyte = 1024 * 1024
let directory: string
let instance: RunningInstance

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-files-'))
  instance = await up(join(directory, 'data'))
})
after(async () => {
  await instance.stop()
  await rm(directory, { recursive: true })
})

function run(...words: readonly string[]): Promise<Outcome> {
  return tidemark([...words, '--data-dir', instance.dataDir])
}

async function rows<Row>(sql: string): Promise<readonly Row[]> {
  const url = `${instance.url('clickhouse')}/?default_format=JSON`
  const response = await fetch(url, { method: 'POST', body: sql })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return (JSON.parse(text) as { data: Row[] }).data
}

async function kept(topic: string, source: string): Promise<readonly QuarantineRow[]> {
  const idle = await fetch(`${instance.url('console')}/api/idle`)
  assert.deepEqual(await idle.json(), { idle: true })
  return rows<QuarantineRow>(
    `SELECT id, topic, partition, offset, check, level, reason, source, location, record_format,
       hex(record_key) AS record_key, hex(record_value) AS record_value, status
     FROM tidemark.quarantine WHERE topic = '${topic}' AND source = '${source}'
     ORDER BY toUInt32OrZero(splitByChar(':', assumeNotNull(location))[-1]), location`,
  )
}

const hex = (text: string | Buffer) => Buffer.from(text).toString('hex').toUpperCase()

test('each bad line of a file is kept with its place, and the good ones around it are facts', async () => {
  const path = join(directory, 'answers.jsonl')
  const event = (student: string, changes = {}) =>
    JSON.stringify({ ...answerEvent(student), ...changes })
  const fileLines: Buffer[] = [
    event('file-good-1'),
    '{"answer_id": "cut',
    event('file-type', { timestamp: 'noon' }),
    event('file-missing', { test_id: undefined }),
    event(''),
    event('file-large', { submitted_option: 'x'.repeat(10 * mebibyte) }),
  ].map((line) => Buffer.from(line))
  fileLines.push(Buffer.from([0x22, 0xff, 0xfe, 0x22]), Buffer.from(event('file-good-2')))
  await writeFile(path, Buffer.concat(fileLines.flatMap((line) => [line, Buffer.from('\n')])))

  const { code, stdout, stderr } = await run('ingest', 'answers', path, '--wait')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /answers: 2 taken, 6 quarantined, 0 refused/)
  assert.ok(stderr.includes(`${path}:3`), stderr)
  const expected: readonly (readonly [
    line: number,
    check: string,
    level: string,
    reason: RegExp,
  ])[] = [
    [2, 'json_invalid', 'Critical', /^not JSON: /],
    [
      3,
      'schema_refused',
      'Error',
      /^field "timestamp": expected .*, found "noon"; a time is written/,
    ],
    [4, 'schema_refused', 'Error', /^field "test_id": expected string, found nothing$/],
    [
      5,
      'key_missing',
      'Error',
      /^field "student_id": empty, and the key of topic answers needs it/,
    ],
    [
      6,
      'record_too_large',
      'Critical',
      /bytes, more than recordBytesMax, 1048576; .*not kept here: see .*:6/,
    ],
    [7, 'json_invalid', 'Critical', /^not JSON: the bytes are not UTF-8$/],
  ]
  const found = await kept('answers', 'file')
  assert.deepEqual(
    found.map(({ location, check, level }) => [location, check, level]),
    expected.map(([line, check, level]) => [`${path}:${line}`, check, level]),
  )
  for (const [index, [line, , , reason]] of expected.entries()) {
    assert.match(found[index]!.reason, reason)
    const bytes = line === 6 ? null : hex(fileLines[line - 1]!)
    assert.equal(found[index]!.record_value, bytes, `line ${line}`)
  }
  const facts = await rows<{ student_id: string }>(
    `SELECT student_id FROM mcq.question_interaction_fact WHERE student_id LIKE 'file%' ORDER BY 1`,
  )
  assert.deepEqual(
    facts.map(({ student_id }) => student_id),
    ['file-good-1', 'file-good-2'],
  )

  // Reading the file again changes nothing.
  await run('ingest', 'answers', path, '--wait')
  assert.deepEqual(await kept('answers', 'file'), found)
  const status = (await (await fetch(`${instance.url('console')}/api/status`)).json()) as {
    quarantined: number
  }
  assert.equal(status.quarantined, 12, 'counted each time it was met')
})

test('with --on-error refuse the first bad row ends the command, named, and its batch is not taken', async () => {
  const path = join(directory, 'refused.jsonl')
  const good = JSON.stringify(answerEvent('refused-good'))
  await writeFile(path, `${good}\n{"answer_id": 5}\n${good}\n`)
  const { code, stderr } = await run('ingest', 'answers', path, '--on-error', 'refuse')
  assert.equal(code, 1)
  assert.ok(stderr.includes(`${path}:2`), stderr)
  assert.match(stderr, /answer_id.*expected string, found 5/)
  const facts = await rows(
    `SELECT 1 FROM mcq.question_interaction_fact WHERE student_id = 'refused-good'`,
  )
  assert.deepEqual(facts, [])
})

test('a CSV row with too few columns is kept as it stood, mended by command, and then a fact', async () => {
  const path = join(directory, 'students.csv')
  await writeFile(
    path,
    'student_id,student_name,email\ncsv-1,Ann,a@x.org\ncsv-2\ncsv-3,Cy,c@x.org,more\n',
  )
  const ingested = await run('ingest', 'students', path, '--wait')
  assert.match(ingested.stdout, /students: 1 taken, 2 quarantined/, ingested.stderr)
  const found = await kept('students', 'file')
  assert.deepEqual(
    found.map(({ location, check, record_format, record_value, reason }) => ({
      location,
      check,
      record_format,
      record_value,
      reason,
    })),
    [
      {
        location: `${path}:3`,
        check: 'schema_refused',
        record_format: 'csv',
        record_value: hex('csv-2'),
        reason: 'the row has 1 cells, the header 3',
      },
      {
        location: `${path}:4`,
        check: 'schema_refused',
        record_format: 'csv',
        record_value: hex('csv-3,Cy,c@x.org,more'),
        reason: 'the row has 4 cells, the header 3',
      },
    ],
  )
  const [short, long] = found as [QuarantineRow, QuarantineRow]
  const listed = await run('quarantine', 'list', '--topic', 'students', '--format', 'json')
  for (const { id } of found) assert.ok(listed.stdout.includes(id), listed.stdout)
  const shown = await run('quarantine', 'show', short.id)
  assert.match(shown.stdout, /value_text +csv-2/)
  assert.match(shown.stdout, new RegExp(`value_hex +${hex('csv-2')}`))

  const mended = await run('quarantine', 'redrive', short.id, '--set', 'student_name=Bo')
  assert.equal(mended.code, 0, mended.stderr)
  assert.match(mended.stdout, /1 sent again, 0 refused/)
  const again = await run('quarantine', 'redrive', short.id)
  assert.equal(again.code, 1)
  assert.match(again.stderr, /sent again before/)
  const wrong = await run('quarantine', 'redrive', long.id, '--set', 'student_name=[5]')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /student_name.*expected .*found/)
  assert.deepEqual(
    (await kept('students', 'file')).map(({ status }) => status),
    ['redriven', 'quarantined'],
  )
  const students = await rows(
    `SELECT student_id, student_name FROM mcq.students WHERE student_id LIKE 'csv%' ORDER BY 1`,
  )
  assert.deepEqual(students, [
    { student_id: 'csv-1', student_name: 'Ann' },
    { student_id: 'csv-2', student_name: 'Bo' },
  ])
})

test('of a feed, what is no JSON or does not fit is kept with its address, and the feed goes on', async () => {
  const score = { exam: 3, studentId: 'feed', score: 0.5, timestamp: startMs }
  const events = [
    JSON.stringify(score),
    '{"exam": 3, "studentId": "foo", "score": 0.99',
    JSON.stringify({ ...score, exam: 'three' }),
    JSON.stringify({ ...score, studentId: 'feed-2' }),
  ]
  const server = createServer((request, response) => {
    if (request.headers['last-event-id'] !== undefined) {
      response.writeHead(204).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(
      events.map((data, index) => `event: score\nid: ${index}\ndata: ${data}\n\n`).join(''),
    )
  })
  const url = await listening(server)
  try {
    const { code, stdout, stderr } = await run('ingest', 'exam_score', '--sse', url, '--wait')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /exam_score: 2 taken, 2 quarantined/)
    const found = await kept('exam_score', 'sse')
    assert.deepEqual(
      found.map(({ check, record_value }) => [check, record_value]),
      [
        ['json_invalid', hex(events[1]!)],
        ['schema_refused', hex(events[2]!)],
      ],
    )
    assert.ok(found.every(({ location }) => location?.startsWith(url)))
    assert.match(found[1]!.reason, /field "exam": expected .*, found "three"/)
    const facts = await rows(
      `SELECT student_id FROM exam_scores.events WHERE student_id LIKE 'feed%' ORDER BY 1`,
    )
    assert.deepEqual(facts, [{ student_id: 'feed' }, { student_id: 'feed-2' }])
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/scores`)
    })
  })
}
