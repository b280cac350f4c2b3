/** `tidemark quality`: what a person and a pipeline get of it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

describe('tidemark quality', () => {
  let directory: string
  let instance: InstanceProcess
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidemark-quality-'))
    const words = ['--topologies', 'exam-scores', '--quality-refused-percent-max', '5']
    const portOffset = await freePortOffset()
    instance = new InstanceProcess({ dataDir: directory, portOffset, words })
    await instance.ready()
    const timestamp = Date.now()
    const records = Array.from({ length: 20 }, (_, index) => ({
      value: { studentId: `s${index}`, exam: 1, score: 0.5, timestamp },
    }))
    // A rule of the topology refuses the last one.
    const broken = { value: { studentId: 's20', exam: 1, score: -1, timestamp } }
    const response = await fetch(instance.url('ingest', '/topics/exam_score'), {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: JSON.stringify({ records: [...records, broken] }),
    })
    assert.equal(response.status, 200, await response.text())
    await instance.idle()
  })
  after(async () => {
    await killAllInstances()
    rmSync(directory, { recursive: true, force: true })
  })

  const quality = (...words: readonly string[]) =>
    runCommand(['quality', ...words, '--data-dir', directory])

  test('check ends with 0 where all is well, and with 1 where the score is too low', async () => {
    const good = await quality('check', '--format', 'json')
    assert.equal(good.code, 0, good.stderr)
    const verdict = JSON.parse(good.stdout) as { is_good: boolean; score: number }
    assert.equal(verdict.is_good, true)
    assert.ok(verdict.score > 90 && verdict.score < 100, `${verdict.score}`)
    const tooLow = await quality('check', '--min-score', '100')
    assert.equal(tooLow.code, 1)
    assert.match(tooLow.stdout, /at least 100 is wanted; 0 grave checks failed/)
  })

  test('report tells scores, or every check as CSV; and what is in a table', async () => {
    const report = await quality('report', 'exam-scores', '--days', '1')
    assert.equal(report.code, 0, report.stderr)
    assert.match(report.stdout, /^Rows by known_at from .*\n\ntopology +score/)
    const csv = await quality('report', '--format', 'csv')
    const [header, ...lines] = csv.stdout.trim().split('\n')
    assert.match(header ?? '', /^topology,table,check,dimension,level,result,measured/)
    assert.ok(lines.length > 30, `${lines.length} lines`)
    const profile = await quality('report', '--profile', 'exam_scores.events')
    assert.match(profile.stdout, /\nscore +Nullable\(Float64\) +20 +0 +1 +0\.5 +0\.5 +0\.5 /)
  })

  test('words that contradict each other are refused with 2, wrong ones of a request with 1', async () => {
    const both = await quality('report', '--days', '1', '--from', '2026-01-01')
    assert.equal(both.code, 2)
    assert.match(both.stderr, /cannot be used with option '--days <n>'/)
    const unknown = await quality('check', 'mcq')
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /"mcq" is not running; running are exam-scores/)
  })

  test('check ends with 1 where a grave check fails, and names it, also while no instance runs', async () => {
    await instance.end('SIGTERM')
    const bad = await quality('check', '--topologies', 'exam-scores')
    assert.equal(bad.code, 1, bad.stderr)
    // One record of 21 was refused: that is more than 1 %.
    assert.match(bad.stdout, /1 grave check failed/)
    assert.match(bad.stdout, /refused_by_rule +accuracy +Error +failed +4\.7619\d* +1 /)
  })
})
