import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'

import { ManualClock } from '../../core/clock.ts'
import type { Offset, Partition, StoreName, TopicName } from '../../core/record.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import type { Durability } from './rocksdb-storage.ts'

const child = new URL('./crash-writer.test-child.ts', import.meta.url).pathname
const topic = 'numbers' as TopicName

/** Runs the writer until it has acknowledged so many transactions, then kills it at once. */
async function writeAndKill(directory: string, durability: Durability, transactions: number) {
  const writer = spawn(process.execPath, [child, directory, durability], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let acknowledged = -1
  let lines = 0
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged = Number(line)
    if (++lines === transactions) writer.kill('SIGKILL')
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
  assert.equal(writer.signalCode, 'SIGKILL')
  return acknowledged
}

async function readNumbers(directory: string) {
  const storage = await openStorage({
    directory,
    clock: new ManualClock(),
    memoryBudgetBytes: 16 * 1024 * 1024,
  })
  try {
    const numbers: number[][] = []
    for (const partition of [0, 1] as Partition[]) {
      const found: number[] = []
      numbers.push(found)
      for (let offset = 0 as Offset; ;) {
        const [fetched] = await storage.log.fetch({
          partitions: [{ topic, partition, offset }],
          bytesMax: 1 << 20,
          bytesPerPartitionMax: 1 << 20,
          waitMaxMs: 0,
          isolation: 'read_committed',
        })
        assert.ok(fetched)
        for (const record of fetched.records) found.push(record.value?.readUInt32BE(0) ?? -1)
        if (fetched.nextOffset === offset) break
        offset = fetched.nextOffset
      }
    }
    const key = Buffer.from('sum')
    const at = { topic, partition: 0 as Partition }
    const [offset] = await storage.log.committedOffsets('group', [at])
    const store = 'sum' as StoreName
    const [sum] = await storage.state.readMany([{ store, partition: at.partition, key }])
    return { numbers, committed: offset?.offset ?? 0, sum: sum?.readUInt32BE(0) ?? 0 }
  } finally {
    await storage.close()
  }
}

describe('a process that is killed while it commits', () => {
  for (const durability of ['fsync', 'process-crash'] as const) {
    test(`leaves all it acknowledged, and whole transactions only (${durability})`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tidemark-crash-'))
      try {
        // The last round crosses several memtables and write-ahead logs.
        for (const transactions of [1, 13, 57, 400]) {
          const acknowledged = await writeAndKill(directory, durability, transactions)
          const { numbers, committed, sum } = await readNumbers(directory)
          assert.ok(committed >= acknowledged + 1, `${committed} > ${acknowledged}`)
          assert.equal(sum, committed, 'state and offsets are of one transaction')
          const expected = Array.from({ length: committed * 10 }, (_, index) =>
            Math.floor(index / 10),
          )
          assert.deepEqual(numbers[0], expected)
          const appended = new Set(numbers[1])
          for (let number = 0; number <= acknowledged; number++) assert.ok(appended.has(number))
        }
      } finally {
        await rm(directory, { recursive: true })
      }
    })
  }
})
