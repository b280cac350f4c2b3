import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { present } from '../core/assert.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import { numberSerde } from '../processors/number-serde.ts'
import { words } from './test-support/counting.ts'
import { readAll, send } from './test-support/harness.ts'

const child = fileURLToPath(new URL('commit-crash.test-child.ts', import.meta.url))
const wordCount = 12
const recordCount = 600

/** Resolves with what ended the process: a signal's name, or its exit code. */
function run(directory: string, crashStep: number, commitsBefore: number): Promise<string> {
  const args = [child, directory, `${crashStep}`, `${commitsBefore}`]
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  running.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  return new Promise((resolve) => {
    running.on('exit', (code, signal) => {
      resolve(signal ?? (code === 0 ? 'ended' : `exit ${code}: ${errors}`))
    })
  })
}

async function prepare(directory: string): Promise<void> {
  const storage = await openStorage({ directory, clock: systemClock })
  const { name, cleanupPolicy, retentionMs } = words
  await storage.log.createTopics([{ name, partitionCount: 2, cleanupPolicy, retentionMs }])
  const values = Array.from({ length: recordCount }, (_, index) => ({
    id: `${index}`,
    word: `w${index % wordCount}`,
    atMs: index,
  }))
  for (let from = 0; from < recordCount; from += 50) {
    await send(storage.log, words, values.slice(from, from + 50))
  }
  await storage.close()
}

/** Offsets, state and outputs must tell the same story at every moment that a reader can see. */
async function checkConsistent(directory: string): Promise<number> {
  const storage = await openStorage({ directory, clock: systemClock })
  const inputs = await readAll(storage.log, words.name)
  const outputs = await readAll(storage.log, 'counts').catch(() => [])
  const latest = new Map(outputs.map(({ key, value }) => [key, value as number]))
  const partitions = [0, 1].map((partition) => ({
    topic: words.name,
    partition: partition as never,
  }))
  const committed = await storage.log.committedOffsets('counting', partitions)
  let processed = 0
  const expected = new Map<string, number>()
  for (const [partition, found] of committed.entries()) {
    const taken = inputs
      .filter((record) => record.partition === partition)
      .slice(0, found?.offset ?? 0)
    processed += taken.length
    for (const { key } of taken) expected.set(key, (expected.get(key) ?? 0) + 1)
  }
  assert.deepEqual(latest, expected, 'outputs are the count of the input before the offsets')
  for (const partition of [0, 1]) {
    const entries = await storage.state.scan({
      store: 'counting.counts' as never,
      partition: partition as never,
      entriesMax: 1000,
    })
    for (const { key, value } of entries) {
      const word = key.subarray(1).toString()
      const count = numberSerde.deserialize(value.subarray(value.length - 8))
      assert.equal(count, present(expected.get(word), `the count of ${word}`), `state of ${word}`)
    }
  }
  for (const [word] of expected) {
    const own = outputs.filter(({ key }) => key === word).map(({ value }) => value as number)
    assert.deepEqual([...new Set(own)], own, 'no output is there twice')
  }
  await storage.close()
  return processed
}

for (const step of [1, 2, 3, 4, 5, 6]) {
  test(`a crash after step ${step} of the commit leaves outputs, offsets and state together`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-crash-'))
    try {
      await prepare(directory)
      assert.equal(await run(directory, step, 3), 'SIGKILL')
      const atFirst = await checkConsistent(directory)
      assert.ok(atFirst < recordCount)
      assert.equal(await run(directory, step, 2), 'SIGKILL')
      await checkConsistent(directory)
      assert.equal(await run(directory, 0, 0), 'ended')
      assert.equal(await checkConsistent(directory), recordCount)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
}
