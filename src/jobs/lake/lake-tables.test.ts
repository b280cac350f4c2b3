/** Tables into a lake and back, over the real engine. */
import assert from 'node:assert/strict'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { TidemarkError } from '../../core/errors.ts'
import type { ClickHouse, ReadRequest } from '../../sinks/clickhouse/clickhouse.ts'
import type { CleanedUp } from './clean-up.ts'
import { changed, dayMs, dying, LakeSetting, nowMs, things, type Row } from './lake.test-support.ts'
import type { DayMetadata } from './metadata.ts'
import type { LakeReport, LakeSummary } from './summary-job.ts'
import type { LakeValidated } from './validate-job.ts'
import type { LakeWritten } from './write-job.ts'

const eighth = 'processed/d.things/year=2026/month=03/day=08'

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
  const told = ({ datasets: [only] }: LakeWritten) =>
    [only?.days_written, only?.days_unchanged, only?.days_removed, only?.rows] as const
  const states = ({ days }: LakeValidated) => days.map(({ day, state }) => `${day} ${state}`)
  const metadataOf = async (folder: string) =>
    JSON.parse(
      await readFile(join(setting.directory, folder, '_metadata.json'), 'utf8'),
    ) as DayMetadata
  const idsOf = async (day: string) =>
    (await setting.read(things, day)).map(({ id }) => id as string).sort()
  async function everything(): Promise<string[]> {
    const storage = setting.storage()
    const paths: string[] = []
    for await (const { path } of storage.list('')) paths.push(path)
    return paths.sort()
  }

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
    assert.deepEqual(await idsOf('2026-03-08'), ['late', 'one'])
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
    assert.deepEqual(await idsOf('2026-03-09'), ['two'])
    assert.deepEqual(await idsOf('2026-03-10'), ['one'])
    assert.equal(
      (await everything()).some((path) => path.startsWith(eighth)),
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
    assert.deepEqual(await idsOf('2026-03-08'), ['one'])
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
        const storage = setting.storage()
        await storage.remove('_lock.json')
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
        assert.deepEqual(await idsOf('2026-03-08'), ['2026-03-07', '2026-03-08'])
        assert.deepEqual(await idsOf('2026-03-09'), ['2026-03-09', 'late'])
        assert.deepEqual(
          (await everything()).filter((path) => path.includes('day=07')),
          [],
        )
        if (!crashed) break
        assert.ok(change < 40)
      }
    })
  }

  test('files that are damaged, cut or gone are found, and what was removed is written again', async () => {
    for (const day of ['2026-03-06', '2026-03-07', '2026-03-08']) await setting.put(day, day)
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
    const found = await validate()
    assert.deepEqual(states(found), [
      '2026-03-06 faulty',
      '2026-03-07 faulty',
      '2026-03-08 behind',
      '2026-03-09 ok',
    ])
    assert.match(found.days[0]?.notes[0] ?? '', /is damaged: its checksum is another/)
    assert.match(found.days[1]?.notes[0] ?? '', /has 100 bytes, not/)
    assert.deepEqual(found.days[2]?.notes, ['is not written yet'])
    assert.deepEqual(states(await validate({ days: 2 })), ['2026-03-09 ok'])
    await write()
    assert.deepEqual(states(await validate()), [
      '2026-03-06 faulty',
      '2026-03-07 ok',
      '2026-03-08 ok',
      '2026-03-09 ok',
    ])
    await storage.remove((await everything()).find((path) => path.includes('day=06/part')) ?? '')
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

  test('days go when their retention is over, and a dry run only tells which', async () => {
    await setting.put('old', '2026-03-08')
    await setting.put('new', '2026-03-10')
    await write()
    const cleanUp = (more: object = {}) =>
      setting.run<CleanedUp>('lake.cleanup', more, { retentionDays: { ...days, processed: 2 } })
    const days = { raw: 1, aggregated: 1 }
    assert.deepEqual((await cleanUp()).days, [])
    setting.clock.advance(dayMs)
    const files = await everything()
    const dry = await cleanUp({ dry_run: true })
    assert.deepEqual(
      dry.days.map(({ name, day }) => `${name} ${day}`),
      ['d.things 2026-03-08'],
    )
    assert.ok(dry.dry_run && dry.bytes > 0)
    assert.deepEqual(await everything(), files)
    const done = await cleanUp()
    assert.deepEqual(done, { ...dry, dry_run: false })
    assert.equal(
      (await everything()).some((path) => path.includes('day=08')),
      false,
    )
    assert.equal(
      (await everything()).some((path) => path.includes('day=10')),
      true,
    )
  })

  test('a write takes what is past retention and does not bring it back; 0 keeps all', async () => {
    await setting.put('old', '2020-01-01')
    await setting.put('new', '2026-03-10')
    const { datasets } = await write()
    assert.equal(datasets[0]?.days_past_retention, 1)
    assert.deepEqual(await setting.read(things, '2020-01-01'), [])
    const retentionDays = { raw: 0, processed: 0, aggregated: 0 }
    await setting.run('lake.write', {}, { retentionDays })
    assert.deepEqual(await idsOf('2020-01-01'), ['old'])
    const { cleanup } = await write()
    assert.deepEqual(
      cleanup?.days.map(({ day }) => day),
      ['2020-01-01'],
    )
  })

  test('summary and report tell what is there, how it grew and what goes next', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-08')
    await setting.put('three', '2026-03-10')
    await write()
    const summary = await setting.run<LakeSummary>('lake.summary')
    const [only] = summary.datasets
    assert.deepEqual(
      [
        only?.layer,
        only?.name,
        only?.days,
        only?.files,
        only?.rows,
        only?.first_day,
        only?.last_day,
      ],
      ['processed', 'd.things', 2, 2, 3, '2026-03-08', '2026-03-10'],
    )
    const sizes: number[] = []
    const storage = setting.storage()
    for await (const { bytes } of storage.list('processed/d.things/year')) sizes.push(bytes)
    assert.equal(
      summary.bytes,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    )
    const retentionDays = { raw: 0, processed: 20, aggregated: 0 }
    const report = await setting.run<LakeReport>('lake.report', { days: 20 }, { retentionDays })
    assert.equal(report.growth.length, 20)
    assert.deepEqual(
      report.next_removals.map(({ day, on }) => [day, on]),
      [['2026-03-08', '2026-03-29']],
    )
  })

  test('two that write at once: one does, the other is told, or skips', async () => {
    await setting.put('one', '2026-03-08')
    const outcomes = await Promise.allSettled([write(), write()])
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    assert.equal(refused.length, 1)
    assert.equal((refused[0] as PromiseRejectedResult).reason.code, 'LAKE_BUSY')
    const skip = { skip_when_busy: true }
    const storage = setting.storage()
    const renewed_at = new Date(nowMs).toISOString()
    await storage.putText('_lock.json', JSON.stringify({ holder: 'a', token: 't', renewed_at }))
    const skipped = await setting.run<LakeWritten>('lake.write', skip)
    assert.match(skipped.skipped ?? '', /a writes to the lake/)
    assert.equal((await validate()).faulty, 0)
  })

  test('a lock whose holder is dead is taken over; one that lives again ends', async () => {
    await setting.put('one', '2026-03-08')
    const storage = setting.storage()
    const renewed_at = new Date(setting.clock.nowMs() - 10 * 60_000).toISOString()
    await storage.putText('_lock.json', JSON.stringify({ holder: 'a', token: 't', renewed_at }))
    const writing = write()
    const over = new Set<Promise<unknown>>()
    void writing.finally(() => over.add(writing))
    while (over.size === 0) {
      await setImmediate()
      setting.clock.advance(1)
    }
    assert.deepEqual(told(await writing), [1, 0, 0, 1])
    assert.equal(await storage.read('_lock.json'), null)
    const other = changed(storage, {
      putFile: async (path, file) => {
        await storage.putFile(path, file)
        const text = JSON.stringify({ holder: 'b', token: 'u', renewed_at })
        await storage.putText('_lock.json', text)
      },
    })
    await setting.put('late', '2026-03-08')
    const openStorage = () => Promise.resolve(other)
    await assert.rejects(setting.run('lake.write', {}, { openStorage }), {
      code: 'LAKE_BUSY',
      message: /taken over by b/,
    })
    assert.deepEqual(await idsOf('2026-03-08'), ['one'])
  })

  test('without a lake each job says which setting it needs', async () => {
    await assert.rejects(setting.run('lake.summary', {}, { openStorage: null }), {
      code: 'CONFIGURATION_INVALID',
      message: /lake\.location/,
    })
  })

  test('requests are refused with what is known', async () => {
    const refused = (name: string, request: object, message: RegExp) =>
      assert.rejects(() => setting.run(name, request), { code: 'REQUEST_INVALID', message })
    await refused('lake.validate', { table: 'none' }, /no table or topic.*d\.things/)
    await refused('lake.validate', {}, /table is the name/)
    await refused('lake.report', { days: 0 }, /whole number from 1/)
    await refused('lake.cleanup', { dryRun: true }, /unknown dryRun.*dry_run/)
  })
})
