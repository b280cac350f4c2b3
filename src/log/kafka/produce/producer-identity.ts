/** The identity of an idempotent producer without transactions: any broker gives one out. */
import { initProducerIdV3, initProducerIdV4, initProducerIdV5 } from '@platformatic/kafka'

import type { KafkaCluster, RequestKind } from '../kafka-cluster.ts'
import { libraryVersion } from '../connections/versioned.ts'

export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

type Answer = initProducerIdV5.InitProducerIdResponse

/** Meaningless without a transactional id, and checked all the same. */
const timeoutMs = 60_000

const newProducerRequest: RequestKind<null, Answer> = {
  name: 'InitProducerId',
  apiKey: 22,
  versions: [
    libraryVersion(initProducerIdV5.api, newProducer),
    libraryVersion(initProducerIdV4.api, newProducer),
    libraryVersion(initProducerIdV3.api, newProducer),
  ],
}

/** The library sends 0/0 for 0, so that −1/−1, which asks for a new identity, is said in full. */
function newProducer(): [null, number, bigint, number] {
  return [null, timeoutMs, -1n, -1]
}

export async function newProducerIdentity(cluster: KafkaCluster): Promise<ProducerIdentity> {
  const { producerId, producerEpoch } = await cluster.retry(
    { kind: 'any' },
    newProducerRequest,
    null,
  )
  return { producerId, producerEpoch }
}
