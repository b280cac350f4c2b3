/** What each failure of a request means to the transaction that it is part of. */
import { TidemarkError } from '../../../core/errors.ts'
import { isRetriable } from '../connections/failures.ts'
import { ProtocolError } from '../protocol-error.ts'

export type Reaction =
  /** The same request once more; it passes within milliseconds. */
  | 'again-soon'
  /** The same request once more, after a back-off. */
  | 'again'
  /** Only those whose records or offsets these are have failed; the transaction goes without them. */
  | 'refuse'
  /** Nothing of the transaction is committed; it may be tried as another. */
  | 'abort'
  /** Another producer has the transactional id: nothing is written any more. */
  | 'fenced'
  /** A person must mend something. */
  | 'stop'

/** Codes by their protocol names. What is not listed aborts, unless the cluster's connections call it passing. */
const byCode: Readonly<Record<string, Reaction>> = {
  CONCURRENT_TRANSACTIONS: 'again-soon',
  /** Beside another partition's error, which decides. */
  OPERATION_NOT_ATTEMPTED: 'again-soon',

  PRODUCER_FENCED: 'fenced',
  INVALID_PRODUCER_EPOCH: 'fenced',

  ILLEGAL_GENERATION: 'refuse',
  UNKNOWN_MEMBER_ID: 'refuse',
  FENCED_INSTANCE_ID: 'refuse',
  REBALANCE_IN_PROGRESS: 'refuse',
  GROUP_ID_NOT_FOUND: 'refuse',
  OFFSET_METADATA_TOO_LARGE: 'refuse',
  INVALID_COMMIT_OFFSET_SIZE: 'refuse',
  INVALID_GROUP_ID: 'refuse',
  MESSAGE_TOO_LARGE: 'refuse',
  RECORD_LIST_TOO_LARGE: 'refuse',
  INVALID_RECORD: 'refuse',
  INVALID_TIMESTAMP: 'refuse',
  UNSUPPORTED_COMPRESSION_TYPE: 'refuse',
  POLICY_VIOLATION: 'refuse',
  TOPIC_AUTHORIZATION_FAILED: 'refuse',
  GROUP_AUTHORIZATION_FAILED: 'refuse',

  // The transaction is no longer open: its time was over, or the coordinator has forgotten it.
  INVALID_TXN_STATE: 'abort',
  INVALID_PRODUCER_ID_MAPPING: 'abort',
  TRANSACTION_ABORTABLE: 'abort',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'abort',
  UNKNOWN_PRODUCER_ID: 'abort',

  INVALID_TRANSACTION_TIMEOUT: 'stop',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'stop',
}

export function reactionTo(failure: unknown): Reaction {
  if (failure instanceof ProtocolError) {
    return byCode[failure.codeName] ?? (isRetriable(failure) ? 'again' : 'abort')
  }
  if (isRetriable(failure)) return 'again'
  if (!(failure instanceof TidemarkError)) return 'stop'
  if (failure.cause instanceof ProtocolError) return byCode[failure.cause.codeName] ?? 'stop'
  return failure.code === 'KAFKA_REFUSED' ? 'stop' : 'refuse'
}

/** From the one that decides alone to the one that decides least. */
const byGravity: readonly Reaction[] = ['fenced', 'stop', 'abort', 'refuse', 'again', 'again-soon']

/** The failure that decides, of several of one transaction; null where there is none. */
export function gravest<Failure>(failures: readonly Failure[]): Failure | null {
  let found: Failure | null = null
  let gravity = Infinity
  for (const failure of failures) {
    const candidate = byGravity.indexOf(reactionTo(failure))
    if (candidate >= gravity) continue
    found = failure
    gravity = candidate
  }
  return found
}

/** True where the broker may have carried the request out: its answer did not come. */
export function isAnswerLost(failure: unknown): boolean {
  return failure instanceof TidemarkError && failure.code === 'KAFKA_UNREACHABLE'
}

/** What a caller is told whose records or offsets were refused. */
export function refusalOf(failure: unknown, what: string): TidemarkError {
  if (failure instanceof TidemarkError) return failure
  const code = failure instanceof ProtocolError ? failure.codeName : ''
  const options = { cause: failure, details: { kafkaError: code } }
  switch (code) {
    case 'ILLEGAL_GENERATION':
    case 'UNKNOWN_MEMBER_ID':
    case 'FENCED_INSTANCE_ID':
    case 'REBALANCE_IN_PROGRESS':
    // All members were gone, and the group with them.
    case 'GROUP_ID_NOT_FOUND':
      return new TidemarkError(
        'PRODUCER_FENCED',
        `${what}: the generation is over or the member is gone (${code})`,
        options,
      )
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return new TidemarkError(
        'RECORD_TOO_LARGE',
        `${what}: larger than the topic's max.message.bytes (${code}); raise it with kafka-configs, as of the ` +
          'topics that follow from it',
        options,
      )
    case 'INVALID_RECORD':
      return new TidemarkError(
        'KEY_MISSING',
        `${what}: the topic takes no such record; one that is compacted takes none without a key (${code})`,
        options,
      )
    default:
      return new TidemarkError('KAFKA_REFUSED', `${what}: refused by Kafka (${code})`, options)
  }
}

export function fencedError(transactionalId: string, cause?: unknown): TidemarkError {
  return new TidemarkError(
    'PRODUCER_FENCED',
    `transactional id ${transactionalId}: another process has taken it over, or the transaction's time was over ` +
      '(kafka.transactionTimeoutMs); this one writes nothing any more. Where it comes again and again, two processes run ' +
      'under one instance id: give each an instanceId, or groupInstanceId, and a data directory of its own',
    { cause, details: { transactionalId } },
  )
}

export function abortedError(transactionalId: string, cause: unknown): TidemarkError {
  return new TidemarkError(
    'TRANSACTION_ABORTED',
    `transactional id ${transactionalId}: the transaction was given up; read the committed offsets before going on`,
    { cause, details: { transactionalId } },
  )
}
