import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isGood, summary } from './report.ts'
import { runFile, type FileRun } from './run-file.ts'

const root = await mkdtemp(join(tmpdir(), 'tidemark-runner-'))
await mkdir(join(root, 'src'))
after(() => rm(root, { recursive: true, force: true }))

const head = "import { test } from 'node:test'\n"

async function runText(text: string, fileTimeoutMs = 60_000): Promise<FileRun> {
  const path = 'src/case.test.mjs'
  await writeFile(join(root, path), text)
  return runFile(root, path, { testTimeoutMs: 30_000, fileTimeoutMs })
}

function lastLine(run: FileRun): string | undefined {
  return summary([run]).at(-1)
}

void test('the last line of a run counts what passed, failed and was skipped', async () => {
  const run = await runText(
    `${head}test('a', () => {}); test('b', { skip: 'no such data' }, () => {})
     test('c', () => { throw new Error('boom') })`,
  )
  assert.equal(lastLine(run), '1 passed, 1 failed, 1 skipped')
  assert.ok(summary([run]).some((line) => line.includes('b: no such data')))
  assert.ok(summary([run]).some((line) => line.includes('Error: boom')))
  assert.equal(isGood([run]), false)
})

void test('a group of tests that is left out as a whole is one that is skipped', async () => {
  const run = await runText(
    `import { describe, test } from 'node:test'
     describe('all of it', { skip: 'no data' }, () => { test('a', () => {}) })
     describe('the rest', () => { test('b', () => {}) })`,
  )
  assert.equal(lastLine(run), '1 passed, 0 failed, 1 skipped')
  assert.ok(summary([run]).some((line) => line.includes('all of it: no data')))
})

void test('a run in which all passed is good, and says 0 failed', async () => {
  const run = await runText(`${head}test('a', () => {})`)
  assert.equal(lastLine(run), '1 passed, 0 failed')
  assert.equal(isGood([run]), true)
})

void test('a file without a test, or that throws as it loads, fails', async () => {
  for (const text of ['export {}', "throw new Error('at load')"]) {
    const run = await runText(text)
    assert.equal(lastLine(run), '0 passed, 1 failed')
  }
})

void test('a file that ends early with exit code 0 fails', async () => {
  const run = await runText(`${head}test('a', () => process.exit(0)); test('b', () => {})`)
  assert.equal(isGood([run]), false)
})

void test('a run of no file is not good', () => {
  assert.equal(isGood([]), false)
  assert.equal(summary([]).at(-1), '0 passed, 0 failed')
})

void test('a file that does not end is ended at its limit, with all that it started', async () => {
  // The child holds the file's output open: the run is over only when the child is gone too.
  const run = await runText(
    `${head}import { spawn } from 'node:child_process'
     test('a', () => {
       spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
     })`,
    2_000,
  )
  assert.match(run.results.at(-1)?.reason ?? '', /ended after 2 s/)
})
