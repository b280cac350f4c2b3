/** What a reader is told where a partition cannot be read. */
import { TidemarkError } from '../../../core/errors.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { FetchPartition } from '../../log.ts'
import { failureOfCode } from '../connections/failures.ts'
import { ProtocolError } from '../protocol-error.ts'

export function answerFailure(at: FetchPartition, code: number): Error {
  const failure = failureOfCode(code, 'Fetch', topicPartitionId(at))
  if (failure instanceof ProtocolError && failure.codeName === 'OFFSET_OUT_OF_RANGE') {
    return new TidemarkError(
      'OFFSET_OUT_OF_RANGE',
      `${topicPartitionId(at)} does not hold offset ${at.offset}: it was deleted, or never written`,
      { cause: failure, details: { topic: at.topic, partition: at.partition, offset: at.offset } },
    )
  }
  return failure
}

export function partitionUnknown(at: TopicPartition): TidemarkError {
  return new TidemarkError(
    'PARTITION_UNKNOWN',
    `topic ${at.topic} of the Kafka cluster has no partition ${at.partition}`,
  )
}
