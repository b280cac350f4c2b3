/** The state machine against a model of the broker at the cluster's port, whose every answer may fail. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Clock } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { Offset, Partition, TopicName } from '../../../core/record.ts'
import { batchCodec } from '../../batch-codec.ts'
import type { TransactionalProducer } from '../../log.ts'
import { faults } from './broker-model.test-support.ts'
import type { Fault } from './broker-model.test-support.ts'
import { BrokerModel } from './broker-model.test-support.ts'
import { KafkaTransactions } from './kafka-transactions.ts'

const topic = 'facts' as TopicName
const at = (index: number) => ({ topic, partition: index as Partition })
const codec = batchCodec({ name: 'kafka', compression: 'none' })

/** Its time passes only while somebody waits for it. */
function hastyClock(): Clock {
  let nowMs = 0
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, wake) => {
      const immediate = setImmediate(() => {
        nowMs += delayMs
        wake()
      })
      return () => {
        clearImmediate(immediate)
      }
    },
  }
}

interface Told {
  readonly value: number
  /** `committed`, or the code of the error. */
  readonly outcome: string
}

async function run(model: BrokerModel, protocolMax: 1 | 2, commitCount: number): Promise<Told[]> {
  const transactions = new KafkaTransactions({
    cluster: model,
    clock: hastyClock(),
    codec,
    random: () => 0.5,
    timeoutMs: 2_000,
    protocolMax,
    transactionalIdOf: () => 'instance',
  })
  const told: Told[] = []
  const task = async (index: number) => {
    let producer: TransactionalProducer | null = null
    for (let turn = 0; turn < commitCount; turn++) {
      const value = index * 1_000 + turn
      const outcome = await outcomeOf(async () => {
        producer ??= await transactions.producer(`task ${index}`)
        await commitOne(producer, index, value)
      })
      told.push({ value, outcome })
      // As a task that is given up: the next one has a producer of its own.
      if (outcome !== 'committed') producer = null
    }
  }
  await Promise.all([0, 1, 2].map(task))
  await transactions.close()
  return told
}

async function commitOne(
  producer: TransactionalProducer,
  index: number,
  value: number,
): Promise<void> {
  const transaction = producer.begin()
  const record = { key: null, value: Buffer.from(String(value)), timestampMs: 0 }
  transaction.send({ ...at(index % 2), records: [record] })
  const group = { groupId: `group ${index}`, generationId: 1, memberId: 'member' }
  transaction.sendOffsets(group, [{ ...at(0), offset: value as Offset }])
  await transaction.commit()
}

async function outcomeOf(act: () => Promise<void>): Promise<string> {
  try {
    await act()
    return 'committed'
  } catch (thrown) {
    if (thrown instanceof TidemarkError) return thrown.code
    throw thrown
  }
}

/** What must hold whatever failed. */
function check(model: BrokerModel, told: readonly Told[]): void {
  const times = (value: number) => model.committed.filter((one) => one === value).length
  for (const { value, outcome } of told) {
    assert.ok(times(value) <= 1, `${value} is committed ${times(value)} times`)
    if (outcome === 'committed') assert.equal(times(value), 1, `${value} was told as committed`)
  }
  assert.deepEqual([...model.committed].sort(), [...model.committedOffsets].sort())
  assert.deepEqual(model.violations, [])
}

for (const protocol of [1, 2] as const) {
  void test(`protocol ${protocol}: success is told of what is committed once, and of nothing else`, async () => {
    const plan = fc.array(fc.constantFrom<Fault>(...faults), { maxLength: 60, size: 'max' })
    await fc.assert(
      fc.asyncProperty(plan, async (faultsInOrder) => {
        const model = new BrokerModel(protocol, faultsInOrder)
        check(model, await run(model, 2, 4))
      }),
      { numRuns: 300 },
    )
  })

  void test(`protocol ${protocol}: without faults all commits succeed, in few transactions`, async () => {
    const model = new BrokerModel(protocol, [])
    const told = await run(model, 2, 5)
    check(model, told)
    assert.ok(told.every(({ outcome }) => outcome === 'committed'))
    assert.ok(model.transactions <= 10, `${model.transactions} transactions for 15 commits`)
  })

  void test(`protocol ${protocol}: a fenced producer sends nothing more`, async () => {
    for (let before = 0; before < 12; before++) {
      const quiet = Array.from({ length: before }, (): Fault => 'none')
      const model = new BrokerModel(protocol, [...quiet, 'rival'])
      const told = await run(model, 2, 2)
      check(model, told)
      assert.ok(before < 2 || told.some(({ outcome }) => outcome === 'PRODUCER_FENCED'))
    }
  })

  void test(`protocol ${protocol}: two faults in a row at every request are told as they ended`, async () => {
    for (const first of new Set(faults)) {
      for (const second of new Set(faults)) {
        for (let before = 0; before < 14; before++) {
          const quiet = Array.from({ length: before }, (): Fault => 'none')
          const model = new BrokerModel(protocol, [...quiet, first, second])
          check(model, await run(model, 2, 2))
        }
      }
    }
  })

  void test(`protocol ${protocol}: what passes is got over without a word`, async () => {
    const passing = ['lost before', 'lost after', 'not coordinator', 'not leader', 'concurrent']
    for (const fault of passing as Fault[]) {
      for (let before = 0; before < 20; before++) {
        const quiet = Array.from({ length: before }, (): Fault => 'none')
        const model = new BrokerModel(protocol, [...quiet, fault])
        const told = await run(model, 2, 2)
        check(model, told)
        const others = told.filter(({ outcome }) => outcome !== 'committed')
        assert.deepEqual(others, [], `${fault} after ${before} answers`)
      }
    }
  })

  void test(`protocol ${protocol}: an aborted transaction is tried again`, async () => {
    for (let before = 0; before < 12; before++) {
      const quiet = Array.from({ length: before }, (): Fault => 'none')
      const model = new BrokerModel(protocol, [...quiet, 'gone'])
      const told = await run(model, 2, 2)
      check(model, told)
      const others = told.filter(({ outcome }) => outcome !== 'committed')
      assert.deepEqual(others, [], `after ${before} answers`)
    }
  })
}
