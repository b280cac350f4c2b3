/** How a lake is kept: retention, figures, one writer at a time, requests that are refused. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { CleanedUp } from './clean-up.ts'
import { changed, dayMs, LakeSetting, nowMs, things, told } from './lake.test-support.ts'
import type { LakeReport, LakeSummary } from './summary-job.ts'
import type { LakeValidated } from './validate-job.ts'
import type { LakeWritten } from './write-job.ts'

describe('a lake is kept', () => {
  let setting: LakeSetting

  before(async () => {
    setting = await LakeSetting.open(true)
  })
  beforeEach(() => setting.begin())
  after(() => setting.close())

  const write = () => setting.run<LakeWritten>('lake.write')
  const validate = () => setting.run<LakeValidated>('lake.validate', { table: 'things' })

  test('days go when their retention is over, and a dry run only tells which', async () => {
    await setting.put('old', '2026-03-08')
    await setting.put('new', '2026-03-10')
    await write()
    const cleanUp = (more: object = {}) =>
      setting.run<CleanedUp>('lake.cleanup', more, { retentionDays: { ...days, processed: 2 } })
    const days = { raw: 1, aggregated: 1 }
    assert.deepEqual((await cleanUp()).days, [])
    setting.clock.advance(dayMs)
    const files = await setting.paths()
    const dry = await cleanUp({ dry_run: true })
    assert.deepEqual(
      dry.days.map(({ name, day }) => `${name} ${day}`),
      ['d.things 2026-03-08'],
    )
    assert.ok(dry.dry_run && dry.bytes > 0)
    assert.deepEqual(await setting.paths(), files)
    const done = await cleanUp()
    assert.deepEqual(done, { ...dry, dry_run: false })
    assert.equal(
      (await setting.paths()).some((path) => path.includes('day=08')),
      false,
    )
    assert.equal(
      (await setting.paths()).some((path) => path.includes('day=10')),
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
    assert.deepEqual(await setting.idsOf('2020-01-01'), ['old'])
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
      putFile: async (path, file, storageClass) => {
        await storage.putFile(path, file, storageClass)
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
    assert.deepEqual(await setting.idsOf('2026-03-08'), ['one'])
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
