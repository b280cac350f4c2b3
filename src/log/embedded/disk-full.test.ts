import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { ManualClock } from '../../core/clock.ts'
import type { Offset, Partition, StoreName, TopicName } from '../../core/record.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import type { Storage } from '../../state/rocksdb-backend.ts'

const topic = 'numbers' as TopicName
const partition = 0 as Partition
const store = 'last' as StoreName
const key = Buffer.from('last')
const mebibyte = 1024 * 1024

function tryMount(directory: string): string | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory], { stdio: 'pipe' })
    return null
  } catch (thrown) {
    return `no small file system can be mounted here: ${String(thrown).split('\n')[0]}`
  }
}

async function commit(storage: Storage, number: number): Promise<void> {
  const value = Buffer.alloc(200_000)
  value.writeUInt32BE(number)
  const transaction = (await storage.log.transactionalProducer('p')).begin()
  transaction.send({ topic, partition, records: [{ key: null, value, timestampMs: 0 }] })
  transaction.writeState([{ store, partition, key, value: value.subarray(0, 4) }])
  await transaction.commit()
}

async function readNumbers(storage: Storage): Promise<number[]> {
  const numbers: number[] = []
  for (let offset = 0 as Offset; ;) {
    const [found] = await storage.log.fetch({
      partitions: [{ topic, partition, offset }],
      bytesMax: mebibyte,
      bytesPerPartitionMax: mebibyte,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    assert.ok(found)
    for (const record of found.records) numbers.push(record.value?.readUInt32BE(0) ?? -1)
    if (found.nextOffset === offset) return numbers
    offset = found.nextOffset
  }
}

test('a full disk is told by name, loses nothing acknowledged, and the log goes on once there is room', async (t) => {
  const mount = await mkdtemp(join(tmpdir(), 'tidemark-full-'))
  const reason = tryMount(mount)
  if (reason !== null) {
    await rm(mount, { recursive: true })
    t.skip(reason)
    return
  }
  const directory = join(mount, 'data')
  const filler = join(mount, 'filler')
  const options = { directory, clock: new ManualClock(), memoryBudgetBytes: 16 * mebibyte }
  let storage: Storage | null = null
  try {
    storage = await openStorage(options)
    await storage.log.createTopics([
      { name: topic, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
    ])
    const { bavail, bsize } = await statfs(mount)
    await writeFile(filler, Buffer.alloc(bavail * bsize - 5 * mebibyte))

    let acknowledged = 0
    let failure: { code?: string; message?: string } = {}
    while (acknowledged < 100) {
      try {
        await commit(storage, acknowledged)
        acknowledged++
      } catch (thrown) {
        failure = thrown as { code?: string }
        break
      }
    }
    assert.equal(failure.code, 'DISK_FULL', failure.message)
    assert.match(failure.message ?? '', new RegExp(directory))
    assert.ok(acknowledged > 0)
    // Still full: told again, and what is there can still be read.
    await assert.rejects(commit(storage, acknowledged), { code: 'DISK_FULL' })
    assert.deepEqual(
      (await readNumbers(storage)).slice(0, acknowledged),
      Array.from({ length: acknowledged }, (_, index) => index),
    )

    await rm(filler)
    const before = (await storage.stats()).reopenings
    await commit(storage, 1_000)
    assert.ok((await storage.stats()).reopenings > before)
    await storage.close()
    storage = await openStorage(options)
    const numbers = await readNumbers(storage)
    assert.deepEqual(
      numbers.slice(0, acknowledged),
      Array.from({ length: acknowledged }, (_, index) => index),
    )
    assert.equal(numbers.at(-1), 1_000)
    const [last] = await storage.state.readMany([{ store, partition, key }])
    assert.equal(last?.readUInt32BE(0), 1_000)
  } finally {
    await storage?.close()
    execFileSync('umount', [mount])
    await rm(mount, { recursive: true })
  }
})
