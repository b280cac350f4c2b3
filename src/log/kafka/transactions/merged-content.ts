/** The content of several callers as one transaction: what goes to which partition and group, and whose it is. */
import { topicPartitionId } from '../../../core/record.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { AppendResult, GroupMetadata, PartitionOffset } from '../../log.ts'
import type { OutgoingBatch, TransactionContent } from './transaction-content.ts'

/** One caller's commit, from when it waits to when it is told. */
export interface CommitJob {
  readonly content: TransactionContent
  readonly bytes: number
  /** Why it may not be written any more; null while it may. */
  refusal(): unknown
  settle(results: readonly AppendResult[]): void
  fail(error: unknown): void
}

export interface MergedBatch {
  readonly batch: OutgoingBatch
  readonly job: CommitJob
}

export interface MergedPartition {
  readonly at: TopicPartition
  /** In the order in which they are appended. */
  readonly batches: MergedBatch[]
}

export interface MergedGroup {
  readonly group: GroupMetadata
  readonly offsets: PartitionOffset[]
  /** Refused together, because they speak for the same member of the same generation. */
  readonly jobs: Set<CommitJob>
}

export interface MergedContent {
  readonly partitions: readonly MergedPartition[]
  readonly groups: readonly MergedGroup[]
}

export function mergeContents(jobs: readonly CommitJob[]): MergedContent {
  const partitions = new Map<string, MergedPartition>()
  const groups = new Map<string, MergedGroup>()
  for (const job of jobs) {
    for (const batch of job.content.batches()) addBatch(partitions, { batch, job })
    for (const { group, offsets } of job.content.groups) {
      const id = memberId(group)
      const merged = groups.get(id) ?? { group, offsets: [], jobs: new Set() }
      groups.set(id, merged)
      merged.jobs.add(job)
      // A later offset of the same partition takes the place of the earlier one when it is written.
      merged.offsets.push(...offsets)
    }
  }
  return { partitions: [...partitions.values()], groups: [...groups.values()] }
}

function addBatch(partitions: Map<string, MergedPartition>, merged: MergedBatch): void {
  const { topic, partition } = merged.batch
  const id = topicPartitionId(merged.batch)
  const into = partitions.get(id) ?? { at: { topic, partition }, batches: [] }
  partitions.set(id, into)
  into.batches.push(merged)
}

function memberId({ groupId, generationId, memberId, groupInstanceId }: GroupMetadata): string {
  return JSON.stringify([groupId, generationId, memberId, groupInstanceId ?? null])
}
