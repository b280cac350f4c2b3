/** Tables into a lake and back, over the real engine. */
import assert from 'node:assert/strict'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { ClickHouse, ReadRequest } from '../../sinks/clickhouse/clickhouse.ts'
import { dying, LakeSetting, nowMs, things, told, type Row } from './lake.test-support.ts'
import type { DayMetadata } from './metadata.ts'
import type { LakeValidated } from './validate-job.ts'
import type { LakeWritten } from './write-job.ts'

const eighth = 'processed/d.things/year=2026/month=03/day=08'
const fifth = 'processed/d.things/year=2026/month=03/day=05'

describe('tables in a lake', () => {
  let setting: LakeSetting

  before(async () => {
    setting = await LakeSetting.open(true)
  })
  beforeEach(() => setting.begin())
  after(() => setting.close())

  const write = () => setting.run<LakeWritten>('lake.write')
  const validate = (more: object = {}) =>
    setting.run<LakeValidated>('lake.validate', { table: 'things', ...more })
  const states = ({ days }: LakeValidated) => days.map(({ day, state }) => `${day} ${state}`)
  const metadataOf = async (folder: string) =>
    JSON.parse(
      await readFile(join(setting.directory, folder, '_metadata.json'), 'utf8'),
    ) as DayMetadata

  test('hold the current rows of each day, with every type as the table has it', async () => {
    await setting.put('one', '2026-03-08', { note: 'first' })
    await setting.put('one', '2026-03-08', {
      ...{ note: 'héllo', moment: '2026-03-08 01:02:03.004', perhaps: 1.5, colour: 'blue' },
      ...{ tags: [], scores: [], abilities: {} },
    })
    await setting.put('two', '2026-03-08', { flag: false, abilities: { a: 1, b: -2.5 } })
    await setting.put('three', '2026-03-09')
    await setting.command(
      `INSERT INTO d.things_versions (id, original, event_time, known_at, version)
              VALUES ('bytes', unhex('ff00fe'), '2026-03-07 00:00:00', '2026-03-07 00:00:00', 7)`,
    )
    assert.deepEqual(told(await write()), [3, 0, 0, 4])
    const rows = await setting.read(things, '2026-03-08')
    const [one, two] = rows.sort((a, b) => String(a['id']).localeCompare(String(b['id'])))
    assert.deepEqual({ ...one, version: null }, {
      ...{ id: 'one', note: 'héllo', flag: true, small: 200, big: -9007199254740993n, ratio: 0.5 },
      ...{ perhaps: 1.5, moment: new Date('2026-03-08T01:02:03.004Z'), tags: [], scores: [] },
      ...{ abilities: {}, colour: 'blue', kind: 'k', original: null },
      date: new Date('2026-03-01T00:00:00Z'),
      event_time: new Date('2026-03-08T10:00:00.123Z'),
      known_at: new Date(nowMs),
      version: null,
    } satisfies Row)
    assert.deepEqual(
      [two?.['note'], two?.['flag'], two?.['tags'], two?.['scores'], two?.['abilities']],
      [null, false, ['a', ''], [1, null], { a: 1, b: -2.5 }],
    )
    const [bytes] = await setting.read(things, '2026-03-07')
    assert.deepEqual(bytes?.['original'], new Uint8Array([0xff, 0, 0xfe]))
    assert.deepEqual(states(await validate()), ['2026-03-07 ok', '2026-03-08 ok', '2026-03-09 ok'])
  })

  test('have metadata beside them: rows, columns with types, times, checksum, who wrote it', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-08', { event_time: '2026-03-08 23:59:59.999' })
    await write()
    const { columns, files, fingerprint, version, bytes, ...rest } = await metadataOf(eighth)
    const known = new Date(nowMs).toISOString()
    assert.deepEqual(rest, {
      ...{ format: 1, layer: 'processed', name: 'd.things', day: '2026-03-08', rows: 2 },
      event_time: { lowest: '2026-03-08T10:00:00.123Z', highest: '2026-03-08T23:59:59.999Z' },
      known_at: { lowest: known, highest: known },
      ...{ written_at: known, product_version: '0.0.0' },
    })
    assert.deepEqual(columns[0], { name: 'id', type: 'String' })
    assert.deepEqual(columns.at(-1), { name: 'version', type: 'UInt64' })
    assert.match(String(fingerprint), /^\d+$/)
    assert.ok(BigInt(version?.highest ?? 0) > BigInt(version?.lowest ?? 0))
    const [file] = files
    assert.equal(files.length, 1)
    assert.equal(file?.bytes, bytes)
    assert.match(file.sha256, /^[0-9a-f]{64}$/)
    assert.deepEqual(await readdir(join(setting.directory, eighth)), ['_metadata.json', file.file])
  })

  test('are left alone where nothing has changed', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-09')
    await write()
    const before = await metadataOf(eighth)
    setting.clock.advance(60_000)
    assert.deepEqual(told(await write()), [0, 2, 0, 0])
    assert.deepEqual(await metadataOf(eighth), before)
  })

  test('a late event writes its own day anew, and no other', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-09')
    await write()
    const old = (await metadataOf(eighth)).files[0]?.file
    setting.clock.advance(60_000)
    await setting.put('late', '2026-03-08')
    assert.deepEqual(states(await validate()), ['2026-03-08 behind', '2026-03-09 ok'])
    assert.deepEqual(told(await write()), [1, 1, 0, 2])
    assert.deepEqual(await setting.idsOf('2026-03-08'), ['late', 'one'])
    assert.equal((await readdir(join(setting.directory, eighth))).includes(old ?? ''), false)
    assert.equal((await validate()).faulty, 0)
  })

  test('a row that moves to another day, or is deleted, leaves its old one', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-09')
    await setting.put('three', '2026-03-09')
    await write()
    await setting.put('one', '2026-03-10')
    await setting.put('three', '2026-03-09', { is_deleted: 1 })
    assert.deepEqual(states(await validate()), [
      '2026-03-08 behind',
      '2026-03-09 behind',
      '2026-03-10 behind',
    ])
    assert.deepEqual(told(await write()), [2, 0, 1, 2])
    assert.deepEqual(await setting.idsOf('2026-03-09'), ['two'])
    assert.deepEqual(await setting.idsOf('2026-03-10'), ['one'])
    assert.equal(
      (await setting.paths()).some((path) => path.startsWith(eighth)),
      false,
    )
  })

  test('are read as a stream, and written once under keys that go as text', async () => {
    await setting.put('one', '2026-03-08', { colour: 'blue' })
    const summaries: unknown[] = []
    const { clickhouse, tables } = setting.options()
    const watched = Object.assign(Object.create(clickhouse) as ClickHouse, {
      read: async (request: ReadRequest) => {
        const result = await clickhouse.read(request)
        summaries.push(result.summary)
        return result
      },
    })
    const keyed = tables.map((table) => ({ ...table, keyColumns: ['id', 'colour', 'kind'] }))
    const options = { clickhouse: watched, tables: keyed }
    const outcomes = [
      told(await setting.run<LakeWritten>('lake.write', {}, options)),
      told(await setting.run<LakeWritten>('lake.write', {}, options)),
    ]
    assert.deepEqual(outcomes, [
      [1, 0, 0, 1],
      [0, 1, 0, 0],
    ])
    // A summary would be there where the engine had made the whole answer first.
    assert.deepEqual(summaries, [null])
  })

  test('a table that is empty takes nothing out of the lake', async () => {
    await setting.put('one', '2026-03-08')
    await write()
    await setting.command('TRUNCATE TABLE d.things_versions')
    assert.deepEqual(told(await write()), [0, 0, 0, 0])
    assert.deepEqual(await setting.idsOf('2026-03-08'), ['one'])
  })

  function isUnreachable(thrown: unknown): boolean {
    return thrown instanceof TidemarkError && thrown.code === 'LAKE_UNREACHABLE'
  }

  for (const isMade of [false, true]) {
    const when = isMade ? 'after' : 'before'
    test(`a crash ${when} any step leaves a lake that the next write makes whole`, async () => {
      const remaining = ['2026-03-08', '2026-03-09']
      for (let change = 1; ; change += 1) {
        await setting.begin()
        const at = (id: string, day: string) => ({ id, event_time: `${day} 01:00:00` })
        await setting.putAll(['2026-03-07', ...remaining].map((day) => at(day, day)))
        await write()
        setting.clock.advance(1000)
        await setting.putAll([at('2026-03-07', '2026-03-08'), at('late', '2026-03-09')])
        const openStorage = () => Promise.resolve(dying(setting.storage(), change, isMade))
        const crashed = await setting
          .run('lake.write', {}, { openStorage })
          .then(() => false)
          .catch(isUnreachable)
        // Whoever reads meanwhile finds every file that is named.
        assert.equal((await validate()).faulty, 0, `change ${change}`)
        await setting.storage().remove('_lock.json')
        await write()
        const validated = await validate()
        assert.deepEqual(
          states(validated),
          remaining.map((day) => `${day} ok`),
        )
        assert.deepEqual(
          validated.days.flatMap(({ notes }) => notes),
          [],
          `change ${change}`,
        )
        assert.deepEqual(await setting.idsOf('2026-03-08'), ['2026-03-07', '2026-03-08'])
        assert.deepEqual(await setting.idsOf('2026-03-09'), ['2026-03-09', 'late'])
        assert.deepEqual(
          (await setting.paths()).filter((path) => path.includes('day=07')),
          [],
        )
        if (!crashed) break
        assert.ok(change < 40)
      }
    })
  }

  test('files that are damaged, cut or gone are found, and what was removed is written again', async () => {
    const days = ['2026-03-05', '2026-03-06', '2026-03-07', '2026-03-08']
    for (const day of days) await setting.put(day, day)
    await setting.put('fine', '2026-03-09')
    await write()
    const fileOf = async (day: string) => {
      const folder = `processed/d.things/year=2026/month=03/day=${day}`
      return join(setting.directory, folder, (await metadataOf(folder)).files[0]?.file ?? '')
    }
    const damaged = await readFile(await fileOf('06'))
    damaged[40] = (damaged[40] ?? 0) ^ 1
    await writeFile(await fileOf('06'), damaged)
    await truncate(await fileOf('07'), 100)
    const storage = setting.storage()
    for await (const { path } of storage.list(eighth)) await storage.remove(path)
    await storage.putText(`${fifth}/_metadata.json`, '{ half')
    const found = await validate()
    assert.deepEqual(states(found), [
      '2026-03-05 faulty',
      '2026-03-06 faulty',
      '2026-03-07 faulty',
      '2026-03-08 behind',
      '2026-03-09 ok',
    ])
    const notes = found.days.map((day) => day.notes[0] ?? '')
    assert.match(notes[0] ?? '', /_metadata\.json cannot be read/)
    assert.match(notes[1] ?? '', /is damaged: its checksum is another/)
    assert.match(notes[2] ?? '', /has 100 bytes, not/)
    assert.equal(notes[3], 'is not written yet')
    assert.deepEqual(states(await validate({ days: 2 })), ['2026-03-09 ok'])
    await storage.remove(`${fifth}/_metadata.json`)
    await write()
    assert.deepEqual(states(await validate()), [
      '2026-03-05 ok',
      '2026-03-06 faulty',
      '2026-03-07 ok',
      '2026-03-08 ok',
      '2026-03-09 ok',
    ])
    await storage.remove((await setting.paths()).find((path) => path.includes('day=06/part')) ?? '')
    await write()
    assert.equal((await validate()).faulty, 0)
  })

  test('a table that has other rows of the same age is a fault', async () => {
    await setting.put('one', '2026-03-08')
    await write()
    await setting.put('two', '2026-03-08')
    const [day] = (await validate()).days
    assert.equal(day?.state, 'faulty')
    assert.match(day.notes[0] ?? '', /other rows of the same age/)
  })
})
