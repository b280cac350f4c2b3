import assert from 'node:assert/strict'
import { test } from 'node:test'

import { offset, partition, topicName } from '../../../core/record.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { StableEnds } from './stable-ends.ts'

const topic = topicName('t')
const at = (number: number) => ({ topic, partition: partition(number) })
const all = [0, 1, 2].map(at)

interface Question {
  readonly leader: BrokerId
  answer(errorCode?: number): void
  fail(): void
}

/** Three partitions, each with its leader or none; partition p ends at 10 p. */
class Cluster {
  leaders: (BrokerId | null)[] = [1, 2, 2]
  forgotten = 0
  readonly questions: Question[] = []
  readonly ends = new StableEnds(this.#cluster())

  #cluster(): KafkaCluster {
    const cluster: Pick<KafkaCluster, 'topics' | 'send' | 'forgetTopics'> = {
      topics: () => {
        const partitions = this.leaders.map((leader, index) => ({
          ...{ ...at(index), leader, replicas: [] },
        }))
        return Promise.resolve(new Map([[topic, { name: topic, topicId: '', partitions }]]))
      },
      send: (to, _kind, request) => {
        const { partitions, isolation } = request as { partitions: typeof all; isolation: string }
        assert.equal(isolation, 'read_committed')
        const { promise, resolve, reject } = Promise.withResolvers<never>()
        this.questions.push({
          leader: to.kind === 'broker' ? to.id : -1,
          answer: (errorCode = 0) => {
            const answers = partitions.map((one) => ({
              ...{ partitionIndex: one.partition, errorCode, offset: BigInt(one.partition * 10) },
            }))
            resolve({ topics: [{ name: topic, partitions: answers }] } as never)
          },
          fail: () => {
            reject(new Error('away'))
          },
        })
        return promise
      },
      forgetTopics: (names) => {
        this.forgotten += names.length
      },
    }
    return cluster as KafkaCluster
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const found = (...numbers: number[]) =>
  new Map(numbers.map((number) => [`t-${number}`, offset(number * 10)]))

test('each leader is asked once, and a silent one is not asked or waited for again', async () => {
  const cluster = new Cluster()
  const first = cluster.ends.ask(all)
  await turn()
  assert.deepEqual(
    cluster.questions.map(({ leader }) => leader),
    [1, 2],
  )
  cluster.questions[1]?.answer()
  await turn()
  const second = cluster.ends.ask(all)
  await turn()
  assert.deepEqual(
    cluster.questions.map(({ leader }) => leader),
    [1, 2, 2],
    'the first owes its answer',
  )
  cluster.questions[2]?.answer()
  assert.deepEqual(await second, found(1, 2))
  cluster.questions[0]?.answer()
  assert.deepEqual(await first, found(0, 1, 2))
  assert.equal(cluster.forgotten, 0)
  const third = cluster.ends.ask([at(0)])
  await turn()
  cluster.questions[3]?.answer()
  assert.deepEqual(await third, found(0))
})

test('what fails, is led by another now or by none is left out, and its leader looked up anew', async () => {
  const cluster = new Cluster()
  for (const end of ['fail', 'move'] as const) {
    const asked = cluster.ends.ask(all)
    await turn()
    const [one, two] = cluster.questions.splice(0)
    if (end === 'fail') one?.fail()
    else one?.answer(6)
    two?.answer()
    assert.deepEqual(await asked, found(1, 2), end)
    assert.equal(cluster.forgotten, 1, end)
    cluster.forgotten = 0
  }
  cluster.leaders = [null, 2, 2]
  const asked = cluster.ends.ask(all)
  await turn()
  cluster.questions[0]?.answer()
  assert.deepEqual(await asked, found(1, 2))
  assert.equal(cluster.forgotten, 1)
})
