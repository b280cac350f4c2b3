/** What the coordinator knows of a transactional id. Source: https://kafka.apache.org/protocol#The_Messages_DescribeTransactions */
import { describeTransactionsV0 } from '@platformatic/kafka'

import { failureOfCode } from '../connections/failures.ts'
import { tolerantVersion } from '../connections/versioned.ts'
import type { KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'

const describeTransactionsRequest: RequestKind<string, string | null> = {
  name: 'DescribeTransactions',
  apiKey: 65,
  versions: [stateVersion()],
}

function stateVersion(): RequestKind<string, string | null>['versions'][number] {
  const library = tolerantVersion(describeTransactionsV0.api, (id: string): [string[]] => [[id]])
  return {
    version: library.version,
    send: async (connection, transactionalId) => {
      const [found] = (await library.send(connection, transactionalId)).transactionStates
      if (found === undefined) return null
      if (found.errorCode === 0) return found.transactionState
      const failure = failureOfCode(found.errorCode, 'DescribeTransactions', transactionalId)
      const isUnknown =
        failure instanceof ProtocolError && failure.codeName === 'TRANSACTIONAL_ID_NOT_FOUND'
      if (isUnknown) return null
      throw failure
    },
  }
}

/** True where a producer has begun a transaction and not asked for its end: one that is being ended needs nobody.
 * @throws TidemarkError KAFKA_UNREACHABLE | KAFKA_REFUSED */
export async function isTransactionOngoing(
  cluster: KafkaCluster,
  transactionalId: string,
): Promise<boolean> {
  const to = { kind: 'coordinator', of: 'transaction', key: transactionalId } as const
  return (await cluster.retry(to, describeTransactionsRequest, transactionalId)) === 'Ongoing'
}
