/** Transactions and groups, as every implementation of the Log port has them, and all of it against a model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import fc from 'fast-check'

import type { Offset, Partition, StoreName } from '../core/record.ts'
import { batchCodec } from './batch-codec.ts'
import type { EncodedLog } from './encoded-log.ts'
import type { AppendResult, JoinGroupOptions } from './log.ts'
import { record, refusal, text } from './log-conformance.test-support.ts'
import type { Subjects } from './log-conformance.test-support.ts'

const store = 'counts' as StoreName

/** Resolves when the condition holds. What is not there at once is on its way through a broker. */
async function until(condition: () => boolean): Promise<void> {
  for (let polls = 0; !condition(); polls++) {
    assert.ok(polls < 2_000, 'it took more than 20 seconds')
    await delay(10)
  }
}

export function transactionTests<Log extends EncodedLog>(
  { fresh }: Subjects<Log>,
  { modelRuns }: { readonly modelRuns: number },
): void {
  test('shows records, offsets and state of a transaction together, at its commit', async () => {
    const { log, state, noGroup, at, read, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('task-0'))
    const transaction = producer.begin()
    const key = Buffer.from('k')
    transaction.send({ ...at(0), records: [record('a', '1')] })
    transaction.send({ ...at(1), records: [record('b', '2')] })
    transaction.send({ ...at(0), records: [record('c', '3')] })
    transaction.sendOffsets(noGroup, [{ ...at(2), offset: 7 as Offset, metadata: 'time 5' }])
    if (state !== null) {
      const value = Buffer.from('state')
      transaction.writeState([{ store, partition: 0 as Partition, key, value }])
    }
    assert.equal((await read(0)).highWatermark, 0)
    assert.deepEqual(await log.committedOffsets(named('group'), [at(2)]), [null])

    const results = await transaction.commit()
    assert.deepEqual(
      results.map(({ partition, baseOffset }) => [partition, baseOffset]),
      [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
    )
    assert.deepEqual(text(await readAll()), ['0 a=1', '1 c=3'])
    assert.deepEqual(await log.committedOffsets(named('group'), [at(2), at(0)]), [
      { ...at(2), offset: 7, metadata: 'time 5' },
      null,
    ])
    if (state !== null) {
      const [value] = await state.readMany([{ store, partition: 0 as Partition, key }])
      assert.equal(String(value), 'state')
    }
    await refusal('TRANSACTION_ABORTED', () => transaction.commit())
  })

  test('shows nothing of an aborted transaction', async () => {
    const { log, noGroup, at, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('task-0'))
    const aborted = producer.begin()
    aborted.send({ ...at(0), records: [record('a', 'no')] })
    aborted.sendOffsets(noGroup, [{ ...at(0), offset: 9 as Offset }])
    await aborted.abort()
    const next = producer.begin()
    next.send({ ...at(0), records: [record('a', 'yes')] })
    await next.commit()
    assert.deepEqual(text(await readAll()), ['0 a=yes'])
    assert.deepEqual(await log.committedOffsets(named('group'), [at(0)]), [null])
  })

  test('fences every earlier producer of a transactional id', async () => {
    const { log, at, readAll, named } = await fresh()
    const zombie = (await log.transactionalProducer(named('task-0'))).begin()
    zombie.send({ ...at(0), records: [record('a', 'zombie')] })
    const successor = (await log.transactionalProducer(named('task-0'))).begin()
    await log.transactionalProducer(named('another'))
    await refusal('PRODUCER_FENCED', () => zombie.commit())
    successor.send({ ...at(0), records: [record('a', 'successor')] })
    await successor.commit()
    assert.deepEqual(text(await readAll()), ['0 a=successor'])
  })

  test('takes batches that were encoded elsewhere and gives them out encoded', async () => {
    const { log, at, readAll, named } = await fresh()
    const transaction = (await log.transactionalProducer(named('worker'))).begin()
    transaction.send({ ...at(0), records: [record('a', '1')] })
    const codec = batchCodec(log.batchFormat)
    const batch = codec.encode([record('b', '2'), record('c', '3')], Infinity)[0]!.bytes
    transaction.sendEncoded({ ...at(0), batch, recordCount: 2 })
    assert.throws(
      () => transaction.sendEncoded({ ...at(0), batch, recordCount: 3 }),
      /has 2 records, not 3/,
    )
    const results = await transaction.commit()
    assert.deepEqual(
      results.map(({ baseOffset }) => baseOffset),
      [0, 1],
    )
    assert.deepEqual(text(await readAll()), ['0 a=1', '1 b=2', '2 c=3'])
    const [first] = await log.fetchEncoded({
      partitions: [{ ...at(0), offset: 2 as Offset }],
      bytesMax: 1,
      bytesPerPartitionMax: 1,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const found = first!
    assert.deepEqual(
      found.batches.map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset]),
      [[1, 2]],
    )
    assert.deepEqual(text(codec.decode(found.batches[0]!, 2 as Offset)), ['2 c=3'])
    // A log of its own keeps a batch as it was encoded; a broker stamps it.
    if (log.sharesState) assert.deepEqual(found.batches[0]?.bytes, batch)
    assert.equal(found.nextOffset, 3)
  })

  test('shares partitions out, revokes before it assigns, and refuses the old generation', async () => {
    const { log, topic, noGroup, at, readAll, named } = await fresh()
    const events: string[] = []
    const join = (who: string, extra: Partial<JoinGroupOptions> = {}) =>
      log.joinGroup({
        groupId: named('group'),
        topics: [topic],
        userData: () => Buffer.alloc(0),
        onAssigned: (partitions) => {
          events.push(`${who}+${partitions.map((at) => at.partition).join()}`)
          return Promise.resolve()
        },
        onRevoked: (partitions) => {
          events.push(`${who}-${partitions.map((at) => at.partition).join()}`)
          return Promise.resolve()
        },
        ...extra,
      })
    const first = await join('a')
    const before = first.metadata
    await log.commitOffsets(before, [{ ...at(2), offset: 0 as Offset }])
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(noGroup, [{ ...at(2), offset: 0 as Offset }]),
    )
    const second = await join('b')
    await until(() => events.length >= 3)
    assert.deepEqual(events, ['a+0,1,2', 'a-2', 'b+2'])
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(before, [{ ...at(2), offset: 1 as Offset }]),
    )
    const stale = (await log.transactionalProducer(named('t'))).begin()
    stale.sendOffsets(before, [{ ...at(2), offset: 1 as Offset }])
    stale.send({ ...at(0), records: [record('a', 'stale')] })
    await refusal('PRODUCER_FENCED', () => stale.commit())
    assert.deepEqual(text(await readAll()), [])
    await log.commitOffsets(first.metadata, [{ ...at(0), offset: 1 as Offset }])
    await second.leave()
    await until(() => events.length >= 5)
    assert.deepEqual(events.slice(3), ['b-2', 'a+2'])
    assert.deepEqual(
      first.assigned.map((at) => at.partition),
      [0, 1, 2],
    )
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(second.metadata, [{ ...at(2), offset: 1 as Offset }]),
    )
  })

  test('drops a member whose callback fails and goes on with the others', async () => {
    const { log, topic, named } = await fresh()
    const options = { groupId: named('group'), topics: [topic], userData: () => Buffer.alloc(0) }
    const nothing = () => Promise.resolve()
    const failing = () => Promise.reject(new Error('broken callback'))
    const first = await log.joinGroup({ ...options, onAssigned: nothing, onRevoked: nothing })
    // A member of a cluster's group gets its partitions after others let go of them, when it has long joined.
    const told = Promise.withResolvers<never>()
    const joined = log.joinGroup({
      ...options,
      onAssigned: failing,
      onRevoked: nothing,
      onFailure: told.reject,
    })
    await assert.rejects(
      log.sharesState ? joined : joined.then(() => told.promise),
      /broken callback/,
    )
    await until(() => first.assigned.length === 3)
  })

  test('is like plain arrays under any sequence of appends, transactions and fetches', async () => {
    const operation = fc.record({
      kind: fc.constantFrom('append', 'commit', 'abort', 'fetch'),
      partition: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 5 }),
      valueBytes: fc.integer({ min: 0, max: 400 }),
      bytesMax: fc.integer({ min: 1, max: 2000 }),
    })
    const { log, topic, at, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('model'))
    const model: { offset: number; value: string }[][] = [[], [], []]
    const ends = [0, 0, 0]
    let serial = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 20 }),
        fc.nat(),
        async (operations, position) => {
          for (const { kind, partition, count, valueBytes, bytesMax } of operations) {
            const expected = model[partition]!
            if (kind === 'fetch') {
              const index = position % (expected.length + 1)
              const from = expected[index]?.offset ?? ends[partition]!
              const found = await readAll(topic, partition, from, bytesMax)
              assert.deepEqual(
                found.map(({ offset, value }) => `${offset} ${value}`),
                expected.slice(index).map(({ offset, value }) => `${offset} ${value}`),
              )
              continue
            }
            const values = Array.from({ length: count }, () =>
              `${serial++}`.padEnd(valueBytes, '.'),
            )
            const records = values.map((value) => record('k', value))
            let results: readonly AppendResult[] = []
            if (kind === 'append') results = await log.append([{ ...at(partition), records }])
            else {
              const transaction = producer.begin()
              transaction.send({ ...at(partition), records })
              if (kind === 'commit') results = await transaction.commit()
              else await transaction.abort()
            }
            if (kind === 'abort') continue
            let offset: number = results[0]!.baseOffset
            // Where the log is its own, nothing but records has offsets.
            if (log.sharesState) assert.equal(offset, expected.length)
            assert.ok(offset >= ends[partition]!, 'offsets only grow')
            for (const value of values) expected.push({ offset: offset++, value })
            ends[partition] = offset
          }
        },
      ),
      { numRuns: modelRuns },
    )
  })
}
