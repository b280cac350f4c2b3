/** Classes of a bucket's storage, in a real S3 server: what is put where, what becomes cold, and what it costs. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import {
  motoMissing,
  motoProgram,
  startMoto,
  type MotoServer,
} from '../../sinks/lake/moto-server.test-support.ts'
import { S3Storage } from '../../sinks/lake/s3-storage.ts'
import type { CleanedUp } from './clean-up.ts'
import type { LakeOptions } from './lake-options.ts'
import { dayMs, dying, LakeSetting } from './lake.test-support.ts'
import { fileOf } from './places.ts'
import { ownClasses, type StorageClasses } from './storage-classes.ts'
import type { LakeReport } from './summary-job.ts'
import type { LakeValidated } from './validate-job.ts'
import type { LakeWritten } from './write-job.ts'

const program = motoProgram()
const gibibyte = 1024 ** 3

/** A file of a day is in the colder class when the day is two days old: now it is noon of 2026-03-10. */
const tiers: StorageClasses = {
  first: { ...ownClasses.first, processed: 'INTELLIGENT_TIERING' },
  coldAfterDays: { ...ownClasses.coldAfterDays, processed: 2 },
  cold: 'GLACIER_IR',
  coldBytesMin: 0,
}

describe('classes of storage', { skip: program === null ? motoMissing : false }, () => {
  let server: MotoServer
  let setting: LakeSetting
  let workDirectory: string
  let bucket = ''
  let buckets = 0

  before(async () => {
    workDirectory = await mkdtemp(join(tmpdir(), 'tidemark-classes-'))
    server = await startMoto(program ?? '')
    setting = await LakeSetting.open(true)
  })
  beforeEach(async () => {
    await setting.begin()
    bucket = `classes-${(buckets += 1)}`
    await server.createBucket(bucket)
  })
  after(async () => {
    await setting.close()
    await server.stop()
    await rm(workDirectory, { recursive: true })
  })

  function storage(): LakeStorage {
    const { endpoint, credentials } = server
    const fixed = { provider: 's3', region: null, prefix: 'lake', clock: setting.clock } as const
    return new S3Storage({ ...fixed, bucket, endpoint, credentials, workDirectory })
  }

  async function run<Result>(name: string, request: object, more: Partial<LakeOptions>) {
    const openStorage = () => Promise.resolve(storage())
    return setting.run<Result>(name, request, { openStorage, classes: tiers, ...more })
  }
  const write = (more: Partial<LakeOptions> = {}) => run<LakeWritten>('lake.write', {}, more)
  const cleanUp = (more: Partial<LakeOptions> = {}, dry_run = false) =>
    run<CleanedUp>('lake.cleanup', { dry_run }, more)
  const validate = () => run<LakeValidated>('lake.validate', { table: 'things' }, {})

  /** `DAY EXTENSION CLASS` of every file of a day, in order. */
  async function classes(): Promise<readonly string[]> {
    const opened = storage()
    const found: string[] = []
    for await (const { path, storageClass } of opened.list('processed/')) {
      const place = fileOf(path)
      if (place !== null) found.push(`${place.day} ${place.file.split('.')[1]} ${storageClass}`)
    }
    await opened.close()
    return found.sort()
  }

  test('new files are in the class of their layer, and metadata in the bucket’s own', async () => {
    await setting.put('one', '2026-03-10')
    await write()
    assert.deepEqual(await classes(), [
      '2026-03-10 json STANDARD',
      '2026-03-10 parquet INTELLIGENT_TIERING',
    ])
  })

  test('files of days that are old go to the colder class, once, and are what they were', async () => {
    await setting.put('one', '2026-03-08')
    await setting.put('two', '2026-03-09')
    assert.deepEqual((await write()).cleanup?.moved, [])
    setting.clock.advance(dayMs)
    const dry = await cleanUp({}, true)
    const told = (days: CleanedUp['moved']) => days.map(({ day, files }) => [day, files])
    assert.deepEqual(told(dry.moved), [['2026-03-08', 1]])
    assert.equal((await classes()).filter((each) => each.endsWith('GLACIER_IR')).length, 0)
    const { moved } = await cleanUp()
    assert.deepEqual(moved, dry.moved)
    assert.deepEqual(await classes(), [
      '2026-03-08 json STANDARD',
      '2026-03-08 parquet GLACIER_IR',
      '2026-03-09 json STANDARD',
      '2026-03-09 parquet INTELLIGENT_TIERING',
    ])
    assert.deepEqual((await cleanUp()).moved, [])
    assert.equal((await validate()).faulty, 0)
    // Nothing has changed for a write either.
    assert.equal((await write()).datasets[0]?.days_written, 0)
  })

  test('a day that is written when it is cold goes to the colder class at once', async () => {
    await setting.put('one', '2026-02-01')
    const { cleanup } = await write()
    assert.deepEqual(await classes(), ['2026-02-01 json STANDARD', '2026-02-01 parquet GLACIER_IR'])
    assert.deepEqual(cleanup?.moved, [])
  })

  test('a run that dies between two files is followed by one that goes on', async () => {
    for (const day of ['2026-03-06', '2026-03-07', '2026-03-08']) await setting.put(day, day)
    const warm = { ...tiers, coldAfterDays: ownClasses.coldAfterDays }
    await write({ classes: warm })
    setting.clock.advance(dayMs)
    // Its lock, then one file, then death.
    const openStorage = () => Promise.resolve(dying(storage(), 3, false))
    await assert.rejects(cleanUp({ openStorage }), { message: 'dead' })
    const cold = async () => (await classes()).filter((each) => each.endsWith('GLACIER_IR')).length
    assert.equal(await cold(), 1)
    // Nobody waits here for the dead one's lease to end.
    const opened = storage()
    await opened.remove('_lock.json')
    await opened.close()
    assert.equal((await cleanUp()).moved.length, 2)
    assert.equal(await cold(), 3)
    assert.equal((await validate()).faulty, 0)
  })

  test('files that are too small, in an archive, or past retention stay as they are', async () => {
    await setting.put('one', '2026-02-01')
    await write({ classes: ownClasses })
    const [dry] = (await cleanUp({}, true)).moved
    const coldBytesMin = (dry?.bytes ?? 0) + 1
    assert.deepEqual((await cleanUp({ classes: { ...tiers, coldBytesMin } })).moved, [])
    const retentionDays = { raw: 0, processed: 20, aggregated: 0 }
    const expired = await run<CleanedUp>('lake.cleanup', { dry_run: true }, { retentionDays })
    assert.deepEqual([expired.days.length, expired.moved.length], [1, 0])
    const opened = storage()
    for await (const { path } of opened.list('processed/')) {
      if (path.endsWith('.parquet')) await opened.changeClass(path, 'DEEP_ARCHIVE')
    }
    await opened.close()
    assert.deepEqual((await cleanUp()).moved, [])
  })

  test('a report has bytes by layer and class, and by prices what a month costs and what goes next saves', async () => {
    await setting.put('cold', '2026-02-01')
    await setting.put('moving', '2026-03-08')
    await setting.put('new', '2026-03-10')
    await write()
    const retentionDays = { raw: 0, processed: 40, aggregated: 0 }
    const report = (prices: Record<string, number>) => {
      const pricePerGibMonth = new Map(Object.entries(prices))
      return run<LakeReport>('lake.report', { days: 2 }, { retentionDays, pricePerGibMonth })
    }
    const unpriced = await report({ STANDARD: 3 })
    const stored = unpriced.costs.stored.map(({ layer, storage_class, files }) => [
      ...[layer, storage_class, files],
    ])
    assert.deepEqual(stored, [
      ['processed', 'GLACIER_IR', 1],
      ['processed', 'INTELLIGENT_TIERING', 2],
      ['processed', 'STANDARD', 3],
    ])
    assert.equal(unpriced.costs.month, null)
    assert.deepEqual(unpriced.costs.unpriced, ['GLACIER_IR', 'INTELLIGENT_TIERING'])

    const { costs, next_moves, next_removals, bytes } = await report({
      ...{ STANDARD: 3, INTELLIGENT_TIERING: 3, GLACIER_IR: 1 },
    })
    const [cold] = costs.stored
    const month = (3 * (bytes - (cold?.bytes ?? 0)) + (cold?.bytes ?? 0)) / gibibyte
    assert.ok(Math.abs((costs.month ?? 0) - month) < 1e-12)
    const [move] = next_moves
    assert.deepEqual(
      next_moves.map(({ day, on, storage_class }) => [day, on, storage_class]),
      [['2026-03-08', '2026-03-11', 'GLACIER_IR']],
    )
    assert.equal(costs.saved_by_colder_class, (2 * (move?.bytes ?? 0)) / gibibyte)
    // 2026-02-01 is 40 days old on 2026-03-13, beyond the two days that are looked at.
    assert.deepEqual(next_removals, [])
    assert.equal(costs.saved_by_retention, 0)
    setting.clock.advance(2 * dayMs)
    const later = await report({ STANDARD: 3, INTELLIGENT_TIERING: 3, GLACIER_IR: 1 })
    assert.deepEqual(
      later.next_removals.map(({ day }) => day),
      ['2026-02-01'],
    )
    const [removal] = later.next_removals
    const metadataBytes = (removal?.bytes ?? 0) - (cold?.bytes ?? 0)
    const saved = ((cold?.bytes ?? 0) + 3 * metadataBytes) / gibibyte
    assert.ok(Math.abs((later.costs.saved_by_retention ?? 0) - saved) < 1e-12)
  })
})

test('a directory has no classes: its bytes are told, and priced, as UNCLASSED', async () => {
  const setting = await LakeSetting.open(false)
  await setting.begin()
  await setting.append([{ value: Buffer.from('{}') }])
  await setting.run('lake.write')
  const pricePerGibMonth = new Map([['UNCLASSED', gibibyte]])
  const { costs, bytes } = await setting.run<LakeReport>('lake.report', {}, { pricePerGibMonth })
  assert.deepEqual(
    costs.stored.map(({ layer, storage_class, month }) => [layer, storage_class, month]),
    [['raw', 'UNCLASSED', bytes]],
  )
  assert.deepEqual([costs.month, costs.unpriced], [bytes, []])
  await setting.close()
})
