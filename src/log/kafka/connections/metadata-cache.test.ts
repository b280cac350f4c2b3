import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { TopicName } from '../../../core/record.ts'
import { MetadataCache } from './metadata-cache.ts'
import type { MetadataAnswer } from './metadata-cache.ts'

const topic = 'answers' as TopicName

/** What the brokers would answer; changed by the tests. */
function brokers() {
  const state = { errorCode: 0, leaderId: 1, asked: 0 }
  const cache = new MetadataCache(async () => {
    state.asked++
    await new Promise(setImmediate)
    return answer(state.errorCode, state.leaderId)
  })
  return { state, cache }
}

function answer(errorCode: number, leaderId: number): MetadataAnswer {
  const partition = {
    errorCode: leaderId < 0 ? 5 : 0,
    partitionIndex: 0,
    leaderId,
    leaderEpoch: 0,
    replicaNodes: [1, 2],
    isrNodes: [1],
    offlineReplicas: [],
  }
  const described = {
    errorCode,
    name: topic,
    topicId: 'id',
    isInternal: false,
    partitions: errorCode === 0 ? [partition] : [],
    topicAuthorizedOperations: 0,
  }
  const broker = { nodeId: 1, host: 'kafka', port: 9092, rack: null }
  const cluster = { throttleTimeMs: 0, clusterId: 'c', controllerId: 1 }
  return { ...cluster, brokers: [broker], topics: [described] }
}

const leaderOf = async (cache: MetadataCache) =>
  (await cache.topics([topic])).get(topic)?.partitions[0]?.leader

describe('what is known of topics', () => {
  test('is asked once, however many want it, and again when it was forgotten', async () => {
    const { state, cache } = brokers()
    assert.deepEqual(await Promise.all([leaderOf(cache), leaderOf(cache)]), [1, 1])
    await leaderOf(cache)
    assert.equal(state.asked, 1)
    cache.forgetTopics([topic])
    state.leaderId = 2
    assert.equal(await leaderOf(cache), 2)
    cache.forgetBroker(2)
    state.leaderId = -1
    assert.equal(await leaderOf(cache), null)
  })

  test('is asked again by who wants it as it is now, and is then known to all', async () => {
    const { state, cache } = brokers()
    assert.equal(await leaderOf(cache), 1)
    state.leaderId = 2
    assert.equal(await leaderOf(cache), 1)
    assert.equal((await cache.topics([topic], true)).get(topic)?.partitions[0]?.leader, 2)
    assert.equal(await leaderOf(cache), 2)
  })

  test('is doubted for a while where a topic that was there is gone, not where it never was', async () => {
    const { state, cache } = brokers()
    state.errorCode = 3
    await assert.rejects(cache.topics([topic]), { code: 'TOPIC_UNKNOWN' })
    state.errorCode = 0
    await leaderOf(cache)
    cache.forgetTopics([topic])
    state.errorCode = 3
    let doubts = 0
    for (;;) {
      const failure = await cache.topics([topic]).catch((thrown: unknown) => thrown)
      if ((failure as { code?: unknown }).code === 'TOPIC_UNKNOWN') break
      assert.equal((failure as { codeName?: string }).codeName, 'UNKNOWN_TOPIC_OR_PARTITION')
      doubts++
    }
    assert.ok(doubts > 0)
  })
})
