/** `tail`, `top` and `export` as a person runs them, beside a running instance and without one. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand, type Ended } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

interface Shown {
  readonly offset: number
  readonly key: unknown
  readonly value: Readonly<Record<string, unknown>>
}

const directory = mkdtempSync(join(tmpdir(), 'tidemark-looking-'))
const dataDir = join(directory, 'data')
const place = ['--data-dir', dataDir, '--topologies', 'mcq']
const tidemark = (...words: readonly string[]) => runCommand([...words, ...place])

function shown({ stdout }: Ended): Shown[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Shown)
}

function answer(student: string, number: number): object {
  return {
    value: {
      answer_id: `${student}-${number}`,
      student_id: student,
      question_id: `q${number}`,
      test_id: 't1',
      submitted_option: 'b',
      timestamp: `2026-01-05T09:0${number}:00Z`,
    },
  }
}

describe('looking at an instance', () => {
  let instance: InstanceProcess

  const send = async (records: readonly object[]) => {
    const response = await fetch(instance.url('ingest', '/topics/answers'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
    })
    assert.equal(response.status, 200, await response.text())
  }

  before(async () => {
    const words = ['--topologies', 'mcq']
    instance = new InstanceProcess({ dataDir, portOffset: await freePortOffset(), words })
    await instance.ready()
    await send([answer('ann', 1), answer('ann', 2), answer('bob', 1)])
    await instance.idle()
  })
  after(async () => {
    await killAllInstances()
    rmSync(directory, { recursive: true, force: true })
  })

  test('tail shows the records of a topic from the beginning, and ends when none comes', async () => {
    const ended = await tidemark('tail', 'answers', '--from-beginning', '--timeout-ms', '0')
    assert.equal(ended.code, 0, ended.stderr)
    const ids = shown(ended).map(({ value }) => value['answer_id'])
    assert.deepEqual(ids.sort(), ['ann-1', 'ann-2', 'bob-1'])
  })

  test('tail shows the records of one key, of facts too, and no more than asked for', async () => {
    const fact = 'mcq.test_summary_fact'
    const words = ['--from-beginning', '--timeout-ms', '0', '--key', 'ann,t1']
    const ofAnn = shown(await tidemark('tail', fact, ...words))
    assert.ok(ofAnn.length > 0)
    assert.ok(ofAnn.every(({ key }) => JSON.stringify(key) === '["ann","t1"]'))
    assert.equal(ofAnn.at(-1)?.value['questions_attempted'], 2)
    const one = await tidemark('tail', 'answers', '--from-beginning', '--max-messages', '1')
    assert.equal(shown(one).length, 1)
  })

  test('tail follows what comes, from the end on', async () => {
    const following = tidemark('tail', 'answers', '--max-messages', '1')
    const over = new AbortController()
    void following.then(() => {
      over.abort()
    })
    // When it has come to the end is not told: one of these is behind it.
    for (let number = 3; !over.signal.aborted; number = number === 9 ? 3 : number + 1) {
      await send([answer('cy', number)])
    }
    const ended = await following
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(String(shown(ended)[0]?.value['answer_id']), /^cy-/)
  })

  test('top looks again and again', async () => {
    const ended = await tidemark('top', '--iterations', '2', '--interval-seconds', '0.1')
    assert.equal(ended.code, 0, ended.stderr)
    assert.equal(ended.stdout.match(/^topology +group +tasks +records\/s/gm)?.length, 2)
    assert.match(ended.stdout, /^mcq +stable/m)
    assert.match(ended.stdout, /running, lag \d+/)
  })

  test('export writes the current rows of a table', async () => {
    const out = join(directory, 'summaries.csv')
    const ended = await tidemark('export', 'mcq.test_summary_fact', '--out', out)
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(ended.stdout, /^\d+ rows of mcq\.test_summary_fact: .*summaries\.csv$/m)
    assert.match(readFileSync(out, 'utf8'), /^"student_id",[\s\S]*^"ann","t1",/m)
  })

  test('words that are wrong end with 2, what is not there with 1, each with a reason', async () => {
    const wrong: readonly (readonly [words: readonly string[], code: number, told: RegExp])[] = [
      [['tail'], 2, /missing required argument 'topic'/],
      [['tail', 'answers', '--max-messages', '0'], 2, /whole number from 1 up/],
      [['tail', 'nothing'], 1, /TOPIC_UNKNOWN: .*nothing/],
      [['tail', 'no topic'], 1, /REQUEST_INVALID: .*no topic/],
      [['top', '--interval-seconds', 'x'], 2, /a number from 0.1 up/],
      [['export', 'mcq.students'], 2, /required option '--out <file>'/],
      [['export', 'mcq.students', '--out', 'students'], 2, /give --format/],
      [['export', 'students', '--out', 'students.csv'], 2, /write DATABASE\.TABLE/],
      [['export', 'mcq.nothing', '--out', join(directory, 'x.csv')], 1, /QUERY_FAILED/],
    ]
    for (const [words, code, told] of wrong) {
      const ended = await tidemark(...words)
      assert.equal(ended.code, code, `${words.join(' ')}: ${ended.stderr}`)
      assert.match(ended.stderr, told)
      assert.doesNotMatch(ended.stderr, /^ +at /m)
    }
  })

  test('without an instance tail and export open the data directory, and top has nothing to show', async () => {
    assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)
    const words = ['--from-beginning', '--timeout-ms', '0', '--key', 't1,bob']
    assert.equal(shown(await tidemark('tail', 'answers', ...words)).length, 1)
    const out = join(directory, 'later.parquet')
    const ended = await tidemark('export', 'mcq.question_interaction_fact', '--out', out)
    assert.equal(ended.code, 0, ended.stderr)
    assert.equal(readFileSync(out).subarray(0, 4).toString(), 'PAR1')
    const top = await tidemark('top')
    assert.equal(top.code, 1)
    assert.match(top.stderr, /INSTANCE_NOT_RUNNING/)
  })
})
