/**
 * The main job on real input, through the commands that a user types: an instance without samples, the datasets
 * imported into it, and every column of every fact compared with the oracles.
 */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ednetEvents } from './ednet-events.ts'
import * as examScores from './oracle-exam-scores.ts'
import * as mcq from './oracle-mcq.ts'
import { freePortOffset } from '../integration/support/free-port-offset.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = join(root, 'bin', 'tidemark.js')
const data = fileURLToPath(new URL('../../../shared/data', import.meta.url))
const absent = ['ednet', 'oulad'].filter((folder) => !existsSync(join(data, folder)))
const run = promisify(execFile)

type Row = Record<string, unknown>

describe(
  'an instance without samples',
  { skip: absent.length > 0 && `put ${absent.join(', ')} under ${data} to run this` },
  () => {
    let dataDir: string
    let instance: ChildProcess

    const tidemark = async (...words: string[]) => {
      const options = { maxBuffer: 256 * 1024 * 1024, cwd: dataDir }
      const { stdout } = await run(
        process.execPath,
        [bin, ...words, '--data-dir', dataDir],
        options,
      )
      return stdout
    }
    const ask = async (query: string): Promise<Row[]> => {
      const text = await tidemark('sql', query, '--format', 'json')
      return (JSON.parse(text) as { data: Row[] }).data
    }
    /** Times as milliseconds, numbers as numbers. */
    const facts = async (table: string): Promise<Row[]> => {
      const described = await ask(`DESCRIBE TABLE ${table}`)
      const columns = described
        .filter(({ name }) => name !== 'known_at' && name !== 'version')
        .map(({ name, type }) => {
          const isTime = String(type).includes('DateTime64')
          const isWide = String(type).includes('Int64')
          const value = isTime ? `toUnixTimestamp64Milli(${String(name)})` : String(name)
          return `${isTime || isWide ? `toFloat64(${value})` : value} AS \`${String(name)}\``
        })
      return ask(`SELECT ${columns.join(', ')} FROM ${table}`)
    }

    before(async () => {
      dataDir = mkdtempSync(join(tmpdir(), 'tidemark-golden-'))
      const offset = await freePortOffset()
      const place = ['--data-dir', dataDir, '--port-offset', String(offset)]
      // Without open-university: OULAD's clicks have a test of their own.
      const words = ['up', '--no-samples', '--topologies', 'mcq,exam-scores', ...place]
      instance = spawn(process.execPath, [bin, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
      assert.ok(instance.stdout)
      for await (const line of createInterface({ input: instance.stdout })) {
        if (line.startsWith('lag 0')) break
      }
    })

    after(async () => {
      const closed = once(instance, 'close')
      instance.kill('SIGTERM')
      await closed
      rmSync(dataDir, { recursive: true })
    })

    test('import ednet gives the oracle’s interactions, summaries and funnels', async () => {
      await tidemark('import', 'ednet', join(data, 'ednet'), '--wait')
      const expected = mcq.factsOf(ednetEvents(join(data, 'ednet')))
      for (const [table, rows] of Object.entries(expected) as [string, object[]][]) {
        assert.deepEqual(sorted(await facts(`mcq.${table}`)), sorted(rows), table)
      }
    })

    test('import oulad gives the published figures', async () => {
      await tidemark('import', 'oulad', join(data, 'oulad'), '--wait')
      const [events] = await ask(
        'SELECT toUInt32(count()) AS events, toUInt32(countIf(score IS NULL)) AS unscored, avg(score) AS mean FROM exam_scores.events',
      )
      assert.deepEqual({ ...events, mean: 0 }, { events: 173_912, unscored: 173, mean: 0 })
      assert.ok(Math.abs(Number(events?.['mean']) - 75.7995729226023) < 1e-9)
      const [counts] = await ask(
        'SELECT (SELECT toUInt32(count()) FROM exam_scores.students) AS students, (SELECT toUInt32(count()) FROM exam_scores.exams) AS exams',
      )
      assert.deepEqual(counts, { students: 23_369, exams: 188 })
      const question = async (name: string, param: string) => {
        const words = ['sql', '--question', name, '--param', param, '--format', 'json']
        const text = await tidemark(...words)
        return (JSON.parse(text) as { data: Row[] }).data[0]
      }
      const exam = await question('exam-results', 'exam=1752')
      const scores = exam?.['scores_all'] as (number | null)[]
      assert.equal(scores.length, 359)
      assert.equal(scores.filter((score) => score !== null).length, 358)
      assert.ok(Math.abs(Number(exam?.['average_score']) - 70.3072625698) < 1e-9)
      const student = await question('student-results', 'student=11391')
      assert.equal(student?.['average_score'], 82)
    })

    test('importing again changes no row', async () => {
      const before = await facts('mcq.test_summary_fact')
      await tidemark('import', 'ednet', join(data, 'ednet'), '--wait')
      assert.deepEqual(sorted(await facts('mcq.test_summary_fact')), sorted(before))
    })

    test('import oulad gives the oracle’s events, dimensions and averages', async () => {
      const expected = examScores.factsOf(examScores.ouladEvents(join(data, 'oulad')))
      for (const [table, rows] of Object.entries(expected) as [string, object[]][]) {
        assert.deepEqual(sorted(await facts(`exam_scores.${table}`)), sorted(rows), table)
      }
    })
  },
)

function sorted(rows: readonly object[]): Row[] {
  const text = (row: object) =>
    JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  return rows.map((row) => ({ ...row })).sort((a, b) => (text(a) < text(b) ? -1 : 1))
}
