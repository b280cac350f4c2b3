/** Opens what a runtime needs, for its own tests, and reads what it has written. */
import type { Clock } from '../../core/clock.ts'
import { pause, systemClock } from '../../core/clock.ts'
import { partitionForKey } from '../../core/partitioner.ts'
import type { Partition, ProducerRecord } from '../../core/record.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import type { Log } from '../../log/log.ts'
import { MemoryBudget } from '../../state/memory-budget.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import { createRuntime } from '../runtime.ts'
import type { Runtime, RuntimeOptions } from '../runtime.ts'
import { jsonCodec } from './json-codec.ts'

export function testRuntime(
  topologies: readonly TopologyGraph[],
  storage: Pick<RuntimeOptions, 'log' | 'state'>,
  options: Partial<RuntimeOptions> & { readonly clock?: Clock } = {},
): Runtime {
  return createRuntime({
    topologies,
    log: storage.log,
    state: storage.state,
    budget: new MemoryBudget(16 * 1024 * 1024),
    codecs: jsonCodec,
    clock: systemClock,
    ...options,
    limits: { commitIntervalMs: 0, stopMaxMs: 5000, ...options.limits },
  })
}

/** Values under the keys that the topic says they belong to. */
export async function send<K, V>(
  log: Log,
  topic: TopicDefinition<K, V>,
  values: readonly V[],
): Promise<void> {
  const [description] = await log.describeTopics([topic.name])
  const partitionCount = description?.partitionCount ?? 1
  const byPartition = new Map<number, ProducerRecord[]>()
  for (const value of values) {
    const key = topic.keyOf?.(value) ?? null
    const keyBytes = key === null ? null : topic.keySerde.serialize(key)
    const at = keyBytes === null ? 0 : partitionForKey(keyBytes, partitionCount)
    const record = { key: keyBytes, value: jsonCodec().encode(value), timestampMs: 0 }
    const batch = byPartition.get(at)
    if (batch === undefined) byPartition.set(at, [record])
    else batch.push(record)
  }
  await log.append(
    [...byPartition].map(([at, records]) => ({
      topic: topic.name,
      partition: at as Partition,
      records,
    })),
  )
}

export interface ReadRecord {
  readonly key: string
  readonly value: unknown
  readonly partition: number
}

/** All records of the topic, partition by partition. */
export async function readAll(log: Log, topic: string): Promise<ReadRecord[]> {
  const [description] = await log.describeTopics([topic as never])
  const found: ReadRecord[] = []
  for (const { partition, highWatermark } of description?.partitions ?? []) {
    for (let offset = 0; offset < highWatermark;) {
      const [fetched] = await log.fetch({
        partitions: [{ topic: topic as never, partition, offset: offset as never }],
        bytesMax: 64 * 1024 * 1024,
        bytesPerPartitionMax: 64 * 1024 * 1024,
        waitMaxMs: 0,
        isolation: 'read_committed',
      })
      for (const { key, value } of fetched?.records ?? []) {
        const decoded = value === null ? null : (JSON.parse(value.toString()) as unknown)
        found.push({ key: key?.toString() ?? '', value: decoded, partition })
      }
      offset = fetched?.nextOffset ?? highWatermark
    }
  }
  return found
}

/** The last value of each key. */
export async function readLatest(log: Log, topic: string): Promise<Map<string, unknown>> {
  return new Map((await readAll(log, topic)).map(({ key, value }) => [key, value]))
}

/** Looks every few milliseconds; the test's own timeout ends a wait in vain. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = systemClock.monotonicMs() + 20_000
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > giveUpMs) throw new Error(`waited in vain until ${what}`)
    await pause(systemClock, 5)
  }
}
