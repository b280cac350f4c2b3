/** Committed offsets by group and partition: all in memory, written with the commit that moves them. */
import type { Offset, Partition, TopicName, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { PartitionOffset } from './log.ts'
import type { StorageOperation } from './ordered-storage.ts'
import { metaKey, metaValue } from './storage-keys.ts'

/** As it is in the `meta` family under (group, topic, partition). */
export type PersistedOffset = readonly [offset: number, metadata?: string]

export class CommittedOffsets {
  readonly #groups = new Map<string, Map<string, PartitionOffset>>()

  get(groupId: string, at: TopicPartition): PartitionOffset | null {
    return this.#groups.get(groupId)?.get(topicPartitionId(at)) ?? null
  }

  set(groupId: string, offsets: readonly PartitionOffset[]): void {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new Map()
      this.#groups.set(groupId, group)
    }
    for (const committed of offsets) group.set(topicPartitionId(committed), committed)
  }

  adopt(groupId: string, topic: string, partition: number, persisted: PersistedOffset): void {
    const [offset, metadata] = persisted
    const at = { topic: topic as TopicName, partition: partition as Partition }
    const committed = { ...at, offset: offset as Offset }
    this.set(groupId, [metadata === undefined ? committed : { ...committed, metadata }])
  }

  clear(): void {
    this.#groups.clear()
  }
}

export function putOffset(groupId: string, committed: PartitionOffset): StorageOperation {
  const { topic, partition, offset, metadata } = committed
  const persisted: PersistedOffset = metadata === undefined ? [offset] : [offset, metadata]
  const key = metaKey('offset', groupId, topic, partition)
  return { kind: 'put', family: 'meta', key, value: metaValue(persisted) }
}
