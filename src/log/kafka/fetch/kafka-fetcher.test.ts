import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ManualClock } from '../../../core/clock.ts'
import { offset, partition, topicName } from '../../../core/record.ts'
import type { FetchRequest } from '../../log.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { BrokerFetch, FetchResponse } from './fetch-request.ts'
import { KafkaFetcher } from './kafka-fetcher.ts'

const topic = topicName('t')

/** Two empty partitions, each with a leader of its own or none. */
class TwoPartitions {
  leaders: (BrokerId | null)[] = [1, 2]
  readonly clock = new ManualClock(1000)
  readonly fetcher = new KafkaFetcher({
    cluster: this.#cluster(),
    clock: this.clock,
    random: () => 0.5,
    giveUpAfterMs: 60_000,
  })

  request(waitMaxMs: number): FetchRequest {
    return {
      partitions: [0, 1].map((index) => ({
        topic,
        partition: partition(index),
        offset: offset(0),
      })),
      bytesMax: 1000,
      bytesPerPartitionMax: 1000,
      waitMaxMs,
      isolation: 'read_committed',
    }
  }

  /** The clock goes on until it is settled. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    const over = { isSo: false }
    const end = () => {
      over.isSo = true
    }
    promise.then(end, end)
    while (!over.isSo) {
      this.clock.advance(50)
      await new Promise(setImmediate)
    }
    return promise
  }

  #cluster(): KafkaCluster {
    const cluster: Pick<KafkaCluster, 'topics' | 'send' | 'forgetTopics'> = {
      topics: () => {
        const partitions = this.leaders.map((leader, index) => ({
          topic,
          partition: partition(index),
          leader,
          replicas: [],
        }))
        return Promise.resolve(new Map([[topic, { name: topic, topicId: '', partitions }]]))
      },
      send: async (_to, _kind, request) => {
        const { partitions, waitMaxMs } = request as BrokerFetch
        if (waitMaxMs > 0) await new Promise<void>((wake) => this.clock.after(waitMaxMs, wake))
        const at = offset(0)
        const watermarks = { highWatermark: at, lastStableOffset: at, logStartOffset: at }
        const response: FetchResponse = {
          code: 0,
          partitions: partitions.map((asked) => ({
            ...asked,
            ...watermarks,
            code: 0,
            aborted: [],
            records: Buffer.alloc(0),
          })),
        }
        return response as never
      },
      forgetTopics: () => undefined,
    }
    return cluster as KafkaCluster
  }
}

test('of a partition that was not answered a fetch says so, and that what it tells is old', async () => {
  const log = new TwoPartitions()
  const known = await log.settled(log.fetcher.fetch(log.request(0)))
  assert.deepEqual(
    known.map(({ isStale }) => isStale),
    [undefined, undefined],
  )
  log.leaders = [1, null]
  const [answered, unanswered] = await log.settled(log.fetcher.fetch(log.request(500)))
  assert.equal(answered?.isStale, undefined)
  assert.equal(unanswered?.isStale, true)
  assert.equal(unanswered.nextOffset, 0)
  log.leaders = [1, 2]
  const again = await log.settled(log.fetcher.fetch(log.request(500)))
  assert.deepEqual(
    again.map(({ isStale }) => isStale),
    [undefined, undefined],
  )
  log.fetcher.close()
})

test('a partition that has no leader for too long makes Kafka unreachable', async () => {
  const log = new TwoPartitions()
  log.leaders = [1, null]
  await assert.rejects(log.settled(log.fetcher.fetch(log.request(0))), (failure) => {
    assert.ok(failure instanceof Error && 'code' in failure)
    assert.equal(failure.code, 'KAFKA_UNREACHABLE')
    assert.ok(failure.cause instanceof ProtocolError)
    assert.match(failure.message, /LEADER_NOT_AVAILABLE \(t-1\)/)
    return true
  })
  log.fetcher.close()
})
