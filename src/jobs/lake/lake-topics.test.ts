/** Topics into a lake: each offset once, whatever happens. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../../core/errors.ts'
import { offset, partition } from '../../core/record.ts'
import { encodeTuple } from '../../core/tuple.ts'
import { dayMs, dying, LakeSetting, nowMs } from './lake.test-support.ts'
import { readMetadata } from './metadata.ts'
import { dayOf, fileOf } from './places.ts'
import type { LakeValidated } from './validate-job.ts'
import type { LakeWritten } from './write-job.ts'

interface Written {
  readonly files: readonly object[]
}

describe('topics in a lake', () => {
  let setting: LakeSetting

  before(async () => {
    setting = await LakeSetting.open(false)
  })
  beforeEach(() => setting.begin())
  after(() => setting.close())

  const write = () => setting.run<LakeWritten>('lake.write')
  const validate = () => setting.run<LakeValidated>('lake.validate', { table: setting.events.name })
  const value = (content: unknown) => Buffer.from(JSON.stringify(content))

  /** `day partition offset` of every row, in order. */
  async function covered(): Promise<string[]> {
    const days = new Set<string>()
    const storage = setting.storage()
    for await (const { path } of storage.list('raw/')) {
      const place = fileOf(path)
      if (place !== null) days.add(place.day)
    }
    const rows: string[] = []
    for (const day of days) {
      for (const row of await setting.read(setting.events, day)) {
        assert.equal(dayOf((row['timestamp'] as Date).getTime()), day)
        rows.push(`${day} ${String(row['partition'])} ${String(row['offset'])}`)
      }
    }
    return rows.sort()
  }

  test('have each record by its day, with key and value as JSON', async () => {
    await setting.append([
      { key: encodeTuple(['ann', 3]), value: value({ score: 1.5, tags: ['a'] }) },
      { value: value('late'), timestampMs: nowMs - dayMs, partition: 1 },
      { key: encodeTuple(['gone']), value: null },
    ])
    const { datasets } = await write()
    assert.deepEqual([datasets[0]?.days_written, datasets[0]?.rows], [2, 3])
    const [first, second] = await setting.read(setting.events, '2026-03-10')
    assert.deepEqual(first, {
      ...{ topic: setting.events.name, partition: 0, offset: 0n, timestamp: new Date(nowMs) },
      ...{ key: '["ann",3]', value: '{"score":1.5,"tags":["a"]}' },
      ...{ key_bytes: null, value_bytes: null, fault: null },
    })
    assert.deepEqual([second?.['key'], second?.['value']], ['["gone"]', null])
    const place = { layer: 'raw', name: setting.events.name, day: '2026-03-10' } as const
    const metadata = await readMetadata(setting.storage(), place)
    assert.deepEqual(metadata?.files[0]?.offsets, { 0: [0, 2], 1: [0, 1] })
    assert.equal((await validate()).faulty, 0)
  })

  test('keep what cannot be read as its bytes, with the reason', async () => {
    await setting.append([{ key: Buffer.from([9, 9]), value: Buffer.from([0xff, 0xfe]) }])
    await write()
    const [row] = await setting.read(setting.events, '2026-03-10')
    assert.deepEqual(row?.['key_bytes'], new Uint8Array([9, 9]))
    assert.deepEqual(row['value_bytes'], new Uint8Array([0xff, 0xfe]))
    assert.match(String(row['fault']), /JSON/)
  })

  test('are added to by what is new, and by nothing where nothing is', async () => {
    await setting.append([{ value: value(1) }, { value: value(2), partition: 1 }])
    await write()
    const { datasets: again } = await write()
    assert.deepEqual([again[0]?.days_written, again[0]?.files], [0, 0])
    await setting.append([{ value: value(3) }])
    const { datasets: more } = await write()
    assert.deepEqual([more[0]?.days_written, more[0]?.rows], [1, 1])
    assert.deepEqual(await covered(), ['2026-03-10 0 0', '2026-03-10 0 1', '2026-03-10 1 0'])
    assert.equal((await validate()).faulty, 0)
  })

  test('have each offset once, whatever crashes come between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            records: fc.array(
              fc.record({ partition: fc.nat({ max: 1 }), daysAgo: fc.nat({ max: 2 }) }),
              { maxLength: 6 },
            ),
            dies: fc.option(
              fc.record({ at: fc.integer({ min: 2, max: 12 }), isMade: fc.boolean() }),
            ),
          }),
          { minLength: 1, maxLength: 5 },
        ),
        async (rounds) => {
          await setting.begin()
          const expected: string[] = []
          const next = [0, 0]
          for (const { records, dies } of rounds) {
            await setting.append(
              records.map(({ partition: number, daysAgo }) => {
                const timestampMs = nowMs - daysAgo * dayMs
                expected.push(`${dayOf(timestampMs)} ${number} ${next[number]}`)
                next[number] = (next[number] ?? 0) + 1
                return { partition: number, timestampMs, value: value(daysAgo) }
              }),
            )
            const storage = setting.storage()
            const openStorage = () =>
              Promise.resolve(dies === null ? storage : dying(storage, dies.at, dies.isMade))
            await setting.run('lake.write', {}, { openStorage }).catch((thrown: unknown) => {
              const isDead = thrown instanceof TidemarkError && thrown.code === 'LAKE_UNREACHABLE'
              if (!isDead) throw thrown
            })
            await setting.storage().remove('_lock.json')
          }
          await write()
          assert.deepEqual(await covered(), expected.sort())
          const { faulty, days } = await validate()
          assert.equal(faulty, 0)
          assert.deepEqual(
            days.flatMap(({ notes }) => notes),
            [],
          )
        },
      ),
      { numRuns: 25 },
    )
  })

  test('are rid of what a write that died has left, also in days that nothing new is in', async () => {
    await setting.append([{ value: value(1) }])
    await write()
    const folder = `raw/${setting.events.name}/year=2026/month=03`
    const lone = `raw/${setting.events.name}/year=2026/month=02/day=01/part-0.parquet`
    for (const path of [`${folder}/day=10/part-0.parquet`, lone]) {
      await setting.storage().putText(path, 'left')
    }
    await write()
    const left = (await setting.paths()).filter((path) => path.endsWith('part-0.parquet'))
    assert.deepEqual(left, [])
    assert.deepEqual(await covered(), ['2026-03-10 0 0'])
  })

  test('of a day whose metadata is lost nothing is removed, and the write says so', async () => {
    await setting.append([{ value: value(1) }])
    await write()
    const metadata = `raw/${setting.events.name}/year=2026/month=03/day=10/_metadata.json`
    const before = await setting.paths()
    await setting.append([{ value: value(2) }])
    for (const lose of [
      () => setting.storage().putText(metadata, 'not JSON'),
      () => setting.storage().remove(metadata),
    ]) {
      const text = await setting.storage().read(metadata)
      await lose()
      await assert.rejects(write(), { code: 'LAKE_DAMAGED', message: /_metadata\.json is missing/ })
      await setting.storage().putText(metadata, String(text))
      assert.deepEqual(await setting.paths(), before)
    }
    await write()
    assert.deepEqual(await covered(), ['2026-03-10 0 0', '2026-03-10 0 1'])
  })

  test('lose their index and still have each offset once', async () => {
    await setting.append([{ value: value(1) }, { value: value(2), timestampMs: nowMs - dayMs }])
    await write()
    await setting.storage().remove(`raw/${setting.events.name}/_index.json`)
    await setting.append([{ value: value(3) }])
    await write()
    assert.deepEqual(await covered(), ['2026-03-09 0 1', '2026-03-10 0 0', '2026-03-10 0 2'])
    assert.equal((await validate()).faulty, 0)
  })

  test('tell what the log let go of before it was written, and what is past retention', async () => {
    const old = { timestampMs: nowMs - 200 * dayMs, value: value(0) }
    await setting.append([{ value: value(1) }, { value: value(2) }, old, { value: value(3) }])
    const at = { topic: setting.events.definition.name, partition: partition(0) }
    await setting.log.deleteRecords([{ ...at, offset: offset(2) }])
    const { datasets } = await write()
    assert.deepEqual(
      [datasets[0]?.records_missed, datasets[0]?.records_past_retention, datasets[0]?.rows],
      [2, 1, 1],
    )
    assert.deepEqual(await covered(), ['2026-03-10 0 3'])
  })

  test('a record that the log has and the lake has not is a fault, and so is one twice', async () => {
    await setting.append([{ value: value(1) }, { value: value(2) }, { value: value(3) }])
    await write()
    const place = { layer: 'raw', name: setting.events.name, day: '2026-03-10' } as const
    const storage = setting.storage()
    const metadata = (await readMetadata(storage, place)) as unknown as Written
    const [file] = metadata.files
    const path = `raw/${setting.events.name}/year=2026/month=03/day=10/_metadata.json`
    await storage.putText(path, JSON.stringify({ ...metadata, rows: 0, files: [] }))
    const notes = async () => (await validate()).days[0]?.notes.join('\n') ?? ''
    assert.match(await notes(), /lacks 3 records of partition 0/)
    await storage.putText(path, JSON.stringify({ ...metadata, rows: 6, files: [file, file] }))
    assert.match(await notes(), /has offset 0 of partition 0, which lies within .*, too/)
  })

  test('of a topic that was made anew nothing is mixed up', async () => {
    await setting.append([{ value: value(1) }])
    const index = { format: 1, days: {}, offsets: { 0: 7 }, written_at: '' }
    const path = `raw/${setting.events.name}/_index.json`
    await setting.storage().putText(path, JSON.stringify(index))
    await assert.rejects(write(), {
      code: 'OFFSET_OUT_OF_RANGE',
      message: /made anew; move the folder/,
    })
  })
})
