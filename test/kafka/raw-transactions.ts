/** A transactional producer that writes at once, so that a test can leave aborted and open transactions in a log. */
import assert from 'node:assert/strict'

import type { Offset, ProducerRecord, TopicPartition } from '../../src/core/record.ts'
import { stampBatch } from '../../src/log/kafka/batches/batch-header.ts'
import { encodeBatches } from '../../src/log/kafka/batches/encode-batches.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { produceRequest } from '../../src/log/kafka/transactions/produce-request.ts'
import {
  endTxnRequest,
  initProducerIdRequest,
} from '../../src/log/kafka/transactions/transaction-requests.ts'
import type { ProducerIdentity } from '../../src/log/kafka/transactions/transaction-requests.ts'

export class RawProducer {
  readonly #cluster: KafkaCluster
  readonly #transactionalId: string
  #identity: ProducerIdentity
  #sequence = 0

  constructor(cluster: KafkaCluster, transactionalId: string, identity: ProducerIdentity) {
    this.#cluster = cluster
    this.#transactionalId = transactionalId
    this.#identity = identity
  }

  static async open(cluster: KafkaCluster, transactionalId: string): Promise<RawProducer> {
    const to = { kind: 'coordinator', of: 'transaction', key: transactionalId } as const
    const identity = await cluster.retry(to, initProducerIdRequest, {
      transactionalId,
      timeoutMs: 60_000,
      producerId: -1n,
      epoch: -1,
    })
    return new RawProducer(cluster, transactionalId, identity)
  }

  /** Into one partition only; returns the first record's offset. */
  async send(to: TopicPartition, records: readonly ProducerRecord[]): Promise<Offset> {
    const [batch] = encodeBatches(records, Infinity)
    assert.ok(batch !== undefined)
    stampBatch(batch.bytes, {
      producerId: this.#identity.producerId,
      producerEpoch: this.#identity.epoch,
      baseSequence: this.#sequence,
      isTransactional: true,
    })
    for (;;) {
      const [result] = await this.#cluster.retry({ kind: 'leader', of: to }, produceRequest, {
        transactionalId: this.#transactionalId,
        timeoutMs: 5_000,
        batches: [{ ...to, bytes: batch.bytes }],
      })
      // The leader of a new topic is not ready yet, or the markers of the last transaction are still being written.
      if (result?.code === 6 || result?.code === 51) continue
      assert.equal(result?.code, 0, result?.detail ?? '')
      this.#sequence += records.length
      return result.baseOffset
    }
  }

  async end(outcome: 'commit' | 'abort'): Promise<void> {
    const transactionalId = this.#transactionalId
    const to = { kind: 'coordinator', of: 'transaction', key: transactionalId } as const
    const request = { ...this.#identity, transactionalId, outcome }
    const next = await this.#cluster.retry(to, endTxnRequest, request)
    assert.ok(next !== null, 'the broker speaks the second protocol')
    if (next.epoch !== this.#identity.epoch) this.#sequence = 0
    this.#identity = next
  }
}
