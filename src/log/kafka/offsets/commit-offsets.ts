/**
 * Offsets committed outside a transaction, by sinks whose writes are idempotent.
 * Source: https://kafka.apache.org/protocol#The_Messages_OffsetCommit
 */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { GroupMetadata, PartitionOffset } from '../../log.ts'
import { isMisdirected, isRetriable } from '../connections/failures.ts'
import type { KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import {
  failuresOf,
  ownVersion,
  readPartitionCodes,
  writeByTopic,
} from '../transactions/own-request.ts'
import type { PartitionCode } from '../transactions/own-request.ts'
import { gravest, refusalOf } from '../transactions/transaction-reactions.ts'
import { writeOffset } from '../transactions/transaction-requests.ts'

export interface OffsetCommitRequest {
  readonly group: GroupMetadata
  readonly offsets: readonly PartitionOffset[]
}

/** The codes of all partitions, the good ones too. */
export const offsetCommitRequest: RequestKind<OffsetCommitRequest, readonly PartitionCode[]> = {
  name: 'OffsetCommit',
  apiKey: 8,
  versions: [9, 8].map((version) =>
    ownVersion(
      8,
      version,
      (writer, { group, offsets }: OffsetCommitRequest) => {
        writer
          .appendString(group.groupId)
          .appendInt32(group.generationId)
          .appendString(group.memberId)
          .appendString(group.groupInstanceId ?? null)
        writeByTopic(writer, offsets, writeOffset)
      },
      (reader) => {
        reader.readInt32()
        return readPartitionCodes(reader)
      },
    ),
  ),
}

export interface CommitOffsetsOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  /** How long to wait for a coordinator, or for a rebalance that the member has not joined yet. */
  readonly giveUpAfterMs: number
  /** Called before each further attempt's wait. */
  readonly onRetry?: () => void
}

const firstDelayMs = 5
const delayMaxMs = 500

/** @throws TidemarkError PRODUCER_FENCED where the generation is over or the member is gone | KAFKA_UNREACHABLE
 * | KAFKA_REFUSED */
export async function commitOffsets(
  group: GroupMetadata,
  offsets: readonly PartitionOffset[],
  { cluster, clock, giveUpAfterMs, onRetry }: CommitOffsetsOptions,
): Promise<void> {
  if (offsets.length === 0) return
  const to = { kind: 'coordinator', of: 'group', key: group.groupId } as const
  const deadlineMs = clock.monotonicMs() + giveUpAfterMs
  for (let attempt = 0; ; attempt++) {
    let failure: unknown
    try {
      const codes = await cluster.send(to, offsetCommitRequest, { group, offsets })
      failure = gravest(failuresOf(codes, 'OffsetCommit'))
      if (failure === null) return
    } catch (thrown) {
      failure = thrown
    }
    if (isMisdirected(failure)) cluster.forgetCoordinator('group', group.groupId)
    const delayMs = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(attempt, 20))
    if (!isRetriable(failure) || clock.monotonicMs() + delayMs >= deadlineMs) {
      throw failureOfCommit(failure, group.groupId)
    }
    onRetry?.()

    await pause(clock, delayMs)
  }
}

function failureOfCommit(failure: unknown, groupId: string): unknown {
  if (!(failure instanceof ProtocolError)) return failure
  if (!isRetriable(failure)) return refusalOf(failure, `offsets of group ${groupId}`)
  return new TidemarkError('KAFKA_UNREACHABLE', `group ${groupId}: ${failure.message}`, {
    cause: failure,
  })
}
