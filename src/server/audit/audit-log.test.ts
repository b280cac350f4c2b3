import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import {
  auditFile,
  auditFileBefore,
  openAuditLog,
  type AuditEntry,
  type AuditLogOptions,
} from './audit-log.ts'

type Line = Readonly<Record<string, unknown>>

const entry = (asked: string): AuditEntry => ({
  door: 'sql',
  user: 'default',
  address: '127.0.0.1',
  asked,
  outcome: 'ok',
})

function stage(t: TestContext, options: Partial<AuditLogOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-audit-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const told: string[] = []
  const dataDir = join(directory, 'data')
  mkdirSync(dataDir)
  const audit = openAuditLog({
    dataDir,
    clock: new ManualClock(Date.UTC(2026, 0, 5)),
    onFailure: (line) => told.push(line),
    ...options,
  })
  const lines = (file = auditFile) =>
    readFileSync(join(dataDir, file), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
  return { dataDir, audit, told, lines }
}

test('each entry is a line, in the order in which they came, with its time', async (t) => {
  const { audit, lines } = stage(t)
  for (let number = 0; number < 100; number += 1) audit.record(entry(`SELECT ${number}`))
  await audit.close()
  assert.deepEqual(
    lines().map(({ asked }) => asked),
    Array.from({ length: 100 }, (_, number) => `SELECT ${number}`),
  )
  assert.deepEqual(lines()[0], { at: '2026-01-05T00:00:00.000Z', ...entry('SELECT 0') })
})

test('what is long is cut, and says how long it was', async (t) => {
  const { audit, lines } = stage(t)
  audit.record({ ...entry('x'.repeat(100_000)), request: { ids: ['y'.repeat(100_000)] } })
  await audit.close()
  const [line] = lines()
  assert.match(String(line?.['asked']), /^x{8192} … \(100000 characters\)$/)
  assert.match(String(line?.['request']), /^\{"ids":\["y{8183} … \(100012 characters\)$/)
})

test('a full file takes the place of the one before it, also of an instance that ran earlier', async (t) => {
  const { audit, dataDir, lines } = stage(t, { fileBytesMax: 250 })
  for (const asked of ['first', 'second', 'third']) {
    audit.record(entry(asked))
    await audit.close()
  }
  const again = openAuditLog({
    dataDir,
    clock: new ManualClock(0),
    onFailure: (line) => {
      throw new Error(line)
    },
    fileBytesMax: 250,
  })
  for (const asked of ['fourth', 'fifth']) {
    again.record(entry(asked))
    await again.close()
  }
  assert.deepEqual(
    [lines(auditFileBefore), lines()].map((file) => file.map(({ asked }) => asked)),
    [['third', 'fourth'], ['fifth']],
  )
})

test('what cannot be written waits, is told once, and what no longer fits is counted', async (t) => {
  const { audit, dataDir, told, lines } = stage(t, { waitingLinesMax: 3 })
  rmSync(dataDir, { recursive: true })
  for (let number = 0; number < 5; number += 1) {
    audit.record(entry(`SELECT ${number}`))
    await audit.close()
  }
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /audit\.jsonl: who asks what cannot be written: ENOENT/)
  mkdirSync(dataDir)
  audit.record(entry('SELECT 5'))
  await audit.close()
  assert.deepEqual(
    lines().map(({ asked, left_out: leftOut }) => asked ?? leftOut),
    ['SELECT 0', 'SELECT 1', 'SELECT 2', 3],
  )
})
