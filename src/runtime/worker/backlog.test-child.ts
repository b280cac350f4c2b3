/** Works off a backlog of small records in four partitions, in one worker under the heap that this process was given. */
import { writeSync } from 'node:fs'
import { systemClock } from '../../core/clock.ts'
import { partitionForKey } from '../../core/partitioner.ts'
import { partition } from '../../core/record.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import counting, { words } from '../test-support/counting.ts'
import { testRuntime } from '../test-support/harness.ts'

const partitionCount = 4
const recordsOfEach = 100_000

const storage = await openStorage({ directory: process.argv[2] ?? '', clock: systemClock })
const { name, cleanupPolicy, retentionMs } = words
await storage.log.createTopics([{ name, partitionCount, cleanupPolicy, retentionMs }])
for (let at = 0; at < partitionCount; at += 1) {
  const word = wordOf(at)
  const value = Buffer.from(JSON.stringify({ id: '1', word, atMs: 1 }))
  const record = { key: Buffer.from(word), value, timestampMs: 1 }
  const thousand = Array.from({ length: 1000 }, () => record)
  for (let sent = 0; sent < recordsOfEach; sent += thousand.length) {
    await storage.log.append([{ topic: name, partition: partition(at), records: thousand }])
  }
}
const runtime = testRuntime([counting], storage, {
  workers: {
    count: 1,
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
    topologyModules: [new URL('../test-support/counting.ts', import.meta.url).href],
    codecsModule: new URL('../test-support/json-codecs-module.test-child.ts', import.meta.url).href,
  },
  limits: { commitIntervalMs: 50 },
})
void runtime.failed.then((failure) => {
  writeSync(2, `${String(failure)}\n`)
  process.exit(1)
})
await runtime.start()
await runtime.whenIdle()
writeSync(1, `${runtime.status().totals.processed} processed\n`)
await runtime.stop()
await storage.close()

/** One whose place is that partition. */
function wordOf(at: number): string {
  for (let number = 0; ; number += 1) {
    const word = `w${number}`
    if (partitionForKey(Buffer.from(word), partitionCount) === at) return word
  }
}
