import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { fileOf, schema, temporaryFolder } from './drops.test-support.ts'
import { prepareDrop, type PrepareDrop } from './prepare-drop.ts'
import { ReaderPool } from './reader-pool.ts'

test('threads answer what this thread would, and say so when they have ended', async (context) => {
  const { path, remove } = temporaryFolder()
  const pool = new ReaderPool('student-performance', 2)
  context.after(async () => {
    await pool.close()
    remove()
  })
  mkdirSync(join(path, 'aside'))
  const requestOf = (name: string): PrepareDrop => ({
    path: join(path, name),
    name,
    asideDirectory: join(path, 'aside'),
    completeAfterMs: 0,
    nowMs: systemClock.nowMs(),
  })
  for (let index = 0; index < 5; index++) {
    writeFileSync(join(path, `f${index}.csv`), fileOf(index, index + 7))
  }
  writeFileSync(join(path, 'bad.csv'), 'no table\n')
  const names = ['f0.csv', 'f1.csv', 'f2.csv', 'bad.csv', 'gone.csv', 'aside', 'f3.csv', 'f4.csv']
  const answers = await Promise.all(names.map((name) => pool.prepare(requestOf(name))))
  for (const [index, name] of names.entries()) {
    assert.deepEqual(answers[index], await prepareDrop(requestOf(name), schema), name)
  }
  const nowhere = { ...requestOf('f0.csv'), parquetDirectory: join(path, 'none') }
  await assert.rejects(pool.prepare(nowhere), /ENOENT/)
  await pool.close()
  await assert.rejects(pool.prepare(requestOf('f0.csv')), /thread that read the file has ended/)
})
