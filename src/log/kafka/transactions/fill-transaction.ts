/**
 * Everything between the begin and the end of a transaction, in as few round trips as the protocol has:
 *
 *     second protocol    Produce to all leaders ∥ TxnOffsetCommit to all groups
 *     first protocol     AddPartitionsToTxn, AddOffsetsToTxn; then the same
 */
import { topicPartitionId } from '../../../core/record.ts'
import { failureOfCode, isMisdirected } from '../connections/failures.ts'
import type { CommitJob, MergedContent, MergedPartition } from './merged-content.ts'
import { failuresOf } from './own-request.ts'
import type { ProducerSession } from './producer-session.ts'
import type { RequestScope } from './request-scope.ts'
import { sendBatches } from './send-batches.ts'
import { sendOffsets } from './send-offsets.ts'
import { gravest, reactionTo, refusalOf } from './transaction-reactions.ts'
import { addOffsetsToTxnRequest, addPartitionsToTxnRequest } from './transaction-requests.ts'

/**
 * When it is over, no request of it is on its way any more, whether it succeeded or not.
 * @returns whose records or offsets are refused; then the transaction is to be aborted
 * @throws what ends the transaction
 */
export async function fillTransaction(
  scope: RequestScope,
  session: ProducerSession,
  content: MergedContent,
): Promise<ReadonlyMap<CommitJob, unknown>> {
  session.lifecycle.assertIn('open', 'records and offsets are sent')
  if (session.protocol === 1) {
    const refusals = await addToTransaction(scope, session, content)
    if (refusals.size > 0) return refusals
  }
  const parts = await Promise.allSettled([
    sendBatches(scope, session, content.partitions),
    ...content.groups.map((group) => sendOffsets(scope, session, group)),
  ])
  if (scope.failure !== null) throw scope.failure.thrown
  const refusals = new Map<CommitJob, unknown>()
  for (const part of parts) {
    if (part.status === 'rejected') throw part.reason
    for (const [job, refusal] of part.value) refusals.set(job, refusal)
  }
  return refusals
}

async function addToTransaction(
  scope: RequestScope,
  session: ProducerSession,
  { partitions, groups }: MergedContent,
): Promise<Map<CommitJob, unknown>> {
  const refusals = new Map<CommitJob, unknown>()
  if (partitions.length > 0) {
    for (const [id, failure] of await addPartitions(scope, session, partitions)) {
      const refused = partitions.find(({ at }) => topicPartitionId(at) === id)
      for (const { job } of refused?.batches ?? []) refusals.set(job, refusalOf(failure, id))
    }
  }
  for (const groupId of new Set(groups.map(({ group }) => group.groupId))) {
    const request = { ...session.inTransaction, groupId }
    try {
      await scope.repeat(() => scope.send(coordinatorOf(session), addOffsetsToTxnRequest, request))
    } catch (thrown) {
      if (reactionTo(thrown) !== 'refuse') throw thrown
      const refusal = refusalOf(thrown, `group ${groupId}`)
      for (const { group, jobs } of groups) {
        if (group.groupId === groupId) for (const job of jobs) refusals.set(job, refusal)
      }
    }
  }
  return refusals
}

/** @returns what is refused, by partition */
async function addPartitions(
  scope: RequestScope,
  session: ProducerSession,
  partitions: readonly MergedPartition[],
): Promise<Map<string, unknown>> {
  const request = { ...session.inTransaction, partitions: partitions.map(({ at }) => at) }
  return await scope.repeat(async () => {
    const codes = await scope.send(coordinatorOf(session), addPartitionsToTxnRequest, request)
    const failure = gravest(failuresOf(codes, 'AddPartitionsToTxn'))
    if (failure === null) return new Map<string, unknown>()
    if (isMisdirected(failure)) {
      scope.cluster.forgetCoordinator('transaction', session.transactionalId)
    }
    if (reactionTo(failure) !== 'refuse') throw failure
    const refused = codes.filter(
      ({ code }) => reactionTo(failureOfCode(code, 'AddPartitionsToTxn')) === 'refuse',
    )
    return new Map(refused.map((at) => [topicPartitionId(at), failure]))
  })
}

function coordinatorOf(session: ProducerSession) {
  return { kind: 'coordinator', of: 'transaction', key: session.transactionalId } as const
}
