/** What an error of a Produce request means for the batch that it is about. */
import { TidemarkError, messageOf } from '../../../core/errors.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import { ProtocolError } from '../protocol-error.ts'

/** True where the batch may have been written although the request failed. */
export function mayBeWritten(failure: unknown): boolean {
  if (failure instanceof ProtocolError) {
    return (
      failure.codeName === 'REQUEST_TIMED_OUT' ||
      failure.codeName === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' ||
      failure.codeName === 'KAFKA_STORAGE_ERROR'
    )
  }
  return failure instanceof TidemarkError && failure.code === 'KAFKA_UNREACHABLE'
}

/** The broker does not know the producer, or not up to this batch: another identity starts at the beginning. */
export function wantsNewIdentity(failure: unknown): boolean {
  return (
    failure instanceof ProtocolError &&
    (failure.codeName === 'OUT_OF_ORDER_SEQUENCE_NUMBER' ||
      failure.codeName === 'UNKNOWN_PRODUCER_ID' ||
      failure.codeName === 'INVALID_PRODUCER_EPOCH' ||
      failure.codeName === 'INVALID_PRODUCER_ID_MAPPING')
  )
}

export function isTooLarge(failure: unknown): boolean {
  return (
    failure instanceof ProtocolError &&
    (failure.codeName === 'MESSAGE_TOO_LARGE' || failure.codeName === 'RECORD_LIST_TOO_LARGE')
  )
}

/** As the caller of `append` is told. */
export function appendError(at: TopicPartition, failure: unknown): unknown {
  if (!(failure instanceof ProtocolError)) return failure
  const where = topicPartitionId(at)
  if (failure.codeName === 'INVALID_RECORD' && /without key/i.test(failure.message)) {
    return new TidemarkError(
      'KEY_MISSING',
      `topic ${at.topic} is compacted and takes no record without a key`,
      { cause: failure },
    )
  }
  if (failure.codeName === 'INVALID_RECORD' || failure.codeName === 'INVALID_TIMESTAMP') {
    return new TidemarkError(
      'REQUEST_INVALID',
      `${where}: the Kafka broker refuses a record: ${failure.message}`,
      { cause: failure },
    )
  }
  return new TidemarkError(
    'KAFKA_UNREACHABLE',
    `${where}: nothing could be appended, or it is unknown whether it was: ${messageOf(failure)}`,
    { cause: failure },
  )
}
