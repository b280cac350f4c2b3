/** The offsets of a transaction: one TxnOffsetCommit a group, with the member's generation (KIP-447). */
import { isMisdirected } from '../connections/failures.ts'
import type { CommitJob, MergedGroup } from './merged-content.ts'
import { failuresOf } from './own-request.ts'
import type { ProducerSession } from './producer-session.ts'
import type { RequestScope } from './request-scope.ts'
import { gravest, reactionTo, refusalOf } from './transaction-reactions.ts'
import { firstProtocolMax, txnOffsetCommitRequest } from './transaction-requests.ts'

/** @returns whose offsets are refused; then the transaction is to be aborted. @throws what ends the transaction */
export async function sendOffsets(
  scope: RequestScope,
  session: ProducerSession,
  merged: MergedGroup,
): Promise<Map<CommitJob, unknown>> {
  const { group, offsets, jobs } = merged
  const request = { ...session.inTransaction, group, offsets }
  const options = session.protocol === 1 ? { versionMax: firstProtocolMax.txnOffsetCommit } : {}
  const to = { kind: 'coordinator', of: 'group', key: group.groupId } as const
  try {
    await scope.repeat(async () => {
      const codes = await scope.send(to, txnOffsetCommitRequest, request, options)
      const failure = gravest(failuresOf(codes, 'TxnOffsetCommit'))
      if (failure === null) return
      if (isMisdirected(failure)) scope.cluster.forgetCoordinator('group', group.groupId)
      throw failure
    })
    return new Map()
  } catch (thrown) {
    if (reactionTo(thrown) !== 'refuse') throw thrown
    const refusal = refusalOf(thrown, `offsets of group ${group.groupId}`)
    return new Map([...jobs].map((job) => [job, refusal]))
  }
}
