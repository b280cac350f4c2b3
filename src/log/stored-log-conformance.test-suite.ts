/** What only a log of its own has, that shares state: limits of transactions, maintenance, the state itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { offset } from '../core/record.ts'
import type { Partition, ProducerRecord, StoreName } from '../core/record.ts'
import { present } from '../core/assert.ts'
import { record, refusal, text } from './log-conformance.test-support.ts'
import type { Subjects } from './log-conformance.test-support.ts'
import type { StoredLog } from './stored-log.ts'

const store = 'counts' as StoreName

export function storedLogTests({ fresh }: Subjects<StoredLog>): void {
  test('takes in a transaction what is larger than may be appended, up to a limit of its own', async () => {
    const { log, at } = await fresh({ recordBytesMax: 100, transactionRecordBytesMax: 1000 })
    const producer = await log.transactionalProducer('p')
    const transaction = producer.begin()
    transaction.send({ ...at(0), records: [record('k', 'x'.repeat(900))] })
    assert.equal((await transaction.commit())[0]?.baseOffset, 0)
    const error = await refusal('RECORD_TOO_LARGE', async () =>
      producer.begin().send({ ...at(0), records: [record('k', 'x'.repeat(1000))] }),
    )
    assert.match(error.message, /answers.*1001.*transactionRecordBytesMax, 1000/)
  })

  test('deletes whole batches that are older than the retention, and no further', async () => {
    const { log, at, read } = await fresh()
    for (const timestampMs of [100, 5000, 200, 9000]) {
      await log.append([{ ...at(0), records: [record('k', `${timestampMs}`, timestampMs)] }])
    }
    assert.deepEqual(await log.maintain(1100), {
      expiredBatches: 0,
      compactedRecords: 0,
      more: false,
    })
    assert.equal((await log.maintain(1101)).expiredBatches, 1)
    // The third batch is older than the second, but the log has no holes.
    assert.equal((await log.maintain(5999)).expiredBatches, 0)
    assert.equal((await log.maintain(6001)).expiredBatches, 2)
    const { logStartOffset, records } = await read(3)
    assert.deepEqual([logStartOffset, text(records)], [3, ['3 k=9000']])
    await refusal('OFFSET_OUT_OF_RANGE', () => read(2))
    assert.equal((await log.maintain(20_000)).expiredBatches, 1)
    const [result] = await log.append([{ ...at(0), records: [record('k', 'next', 0)] }])
    assert.equal(result?.baseOffset, 4)
  })

  test('changes records in their place, up to an offset, and offsets go on behind them', async () => {
    const { log, at, read } = await fresh()
    const append = (...records: ProducerRecord[]) => log.append([{ ...at(0), records }])
    await append(record('a', '1'), record('b', '2'), record('c', '3'))
    await append(record('a', '4'))
    await append(record('a', '5'), record('c', '6'))
    assert.equal((await read(0)).records.length, 6)
    const asked: number[] = []
    await log.rewriteRecords(at(0), {
      before: offset(5),
      change: (records) => {
        asked.push(...records.map((each) => each.offset))
        return Promise.resolve(
          records.map((each) => {
            if (each.key?.toString() === 'a') return null
            return each.key?.toString() === 'b' ? { ...each, value: Buffer.from('x') } : each
          }),
        )
      },
    })
    assert.deepEqual(asked, [0, 1, 2, 3, 4])
    // Also from what was cached.
    const left = ['1 b=x', '2 c=3', '5 c=6']
    assert.deepEqual(text((await read(0)).records), left)
    assert.deepEqual(text((await read(2)).records), left.slice(1))
    await log.rewriteRecords(at(0), {
      before: offset(6),
      change: (records) => Promise.resolve(records.map(() => null)),
    })
    await log.purge()
    await append(record('d', '7'))
    assert.deepEqual(text((await read(0)).records), ['6 d=7'])
  })

  test('compacts to the last record of each key, at its offset', async () => {
    const { log, table, readAll } = await fresh({
      maintenance: { dirtyRecordsMin: 1, dirtyRatioMin: 0 },
    })
    const partition = 0 as Partition
    const append = (...records: ProducerRecord[]) =>
      log.append([{ topic: table, partition, records }])
    await append(record('a', '1'), record('b', '1'), record('a', '2'))
    await append(record('b', null, 10), record('a', '3'))
    await append(record('c', '1'))
    const report = await log.maintain(0)
    assert.equal(report.compactedRecords, 3)
    assert.deepEqual(text(await readAll(table)), ['3 b=null', '4 a=3', '5 c=1'])
    await append(record('c', '2'), record('d', '1'))
    await log.maintain(10)
    // The tombstone has been through a pass, but its day is not over.
    assert.deepEqual(text(await readAll(table)), ['3 b=null', '4 a=3', '6 c=2', '7 d=1'])
    await append(record('d', '2'))
    await log.maintain(11 + 24 * 3600 * 1000)
    assert.deepEqual(text(await readAll(table)), ['4 a=3', '6 c=2', '8 d=2'])
    // Positions in the gaps still work.
    assert.deepEqual(text(await readAll(table, 0, 5)), ['6 c=2', '8 d=2'])
  })

  test('compacts in bounded steps beside appends, and ends at the same records', async () => {
    const { log, table, readAll } = await fresh({
      maintenance: { dirtyRecordsMin: 1, passKeysMax: 5, stepBytesMax: 300 },
    })
    const partition = 0 as Partition
    const last = new Map<string, string>()
    let more = true
    for (let index = 0; index < 200 || more; index++) {
      if (index < 200) {
        const key = `k${(index * 7) % 23}`
        last.set(key, `${index}`)
        await log.append([{ topic: table, partition, records: [record(key, `${index}`)] }])
      }
      more = (await log.maintain(0)).more
    }
    const found = await readAll(table)
    assert.ok(found.length < 60, `${found.length} records are left of 200`)
    assert.deepEqual(new Map(found.map(({ key, value }) => [`${key}`, `${value}`])), last)
  })

  test('keeps the last record of a partition, even a tombstone whose time is over', async () => {
    const { log, table, read, readAll } = await fresh({
      maintenance: { dirtyRecordsMin: 1, tombstoneRetentionMs: 0, dirtyRatioMin: 0 },
    })
    const partition = 0 as Partition
    await log.append([{ topic: table, partition, records: [record('a', null)] }])
    await log.maintain(0)
    await log.append([{ topic: table, partition, records: [record('a', null)] }])
    await log.maintain(1)
    assert.deepEqual(text(await readAll(table)), ['1 a=null'])
    assert.equal((await read(0, { name: table })).nextOffset, 2)
  })

  test('keeps scans of state inside their store and partition, in both directions', async () => {
    const { state: shared } = await fresh()
    const state = present(shared, 'state')
    const edges = [Buffer.alloc(0), Buffer.from([0]), Buffer.from([255]), Buffer.alloc(9, 255)]
    const changes = ['a', 'b'].flatMap((store) =>
      [0, 1, 255, 256].flatMap((partition) =>
        edges.map((key) => ({
          store: store as StoreName,
          partition: partition as Partition,
          key,
          value: Buffer.from(`${store}${partition}`),
        })),
      ),
    )
    await state.write(changes)
    for (const reverse of [false, true]) {
      const address = { store: 'a' as StoreName, partition: 255 as Partition }
      const entries = await state.scan({ ...address, reverse, entriesMax: 100 })
      const expected = reverse ? edges.toReversed() : edges
      assert.deepEqual(
        entries.map(({ key }) => key),
        expected,
      )
      assert.ok(entries.every(({ value }) => value.toString() === 'a255'))
      const limited = await state.scan({ ...address, reverse, entriesMax: 2 })
      assert.equal(limited.length, 2)
    }
    const bounded = await state.scan({
      store: 'b' as StoreName,
      partition: 1 as Partition,
      from: edges[1] as Buffer,
      to: edges[3] as Buffer,
      entriesMax: 100,
    })
    assert.deepEqual(
      bounded.map(({ key }) => key),
      [edges[1], edges[2]],
    )
  })

  test('answers many reads in their order, with null where there is nothing', async () => {
    const { state: shared } = await fresh()
    const state = present(shared, 'state')
    const key = Buffer.from('k')
    const partition = 0 as Partition
    await state.write([{ store, partition, key, value: Buffer.from('1') }])
    const values = await state.readMany([
      { store: 'never' as StoreName, partition, key },
      { store, partition, key },
      { store, partition: 1 as Partition, key },
    ])
    assert.deepEqual(values.map(String), ['null', '1', 'null'])
    await state.write([{ store, partition, key, value: null }])
    assert.deepEqual(await state.readMany([{ store, partition, key }]), [null])
  })
}
