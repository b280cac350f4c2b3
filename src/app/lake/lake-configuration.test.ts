import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { aggregatedTables } from '../../facts/aggregated.ts'
import { quarantineFact } from '../../quality/quarantine.ts'
import type { FactTable } from '../../core/fact-table.ts'
import { loadConfiguration } from '../configuration.ts'
import { bundledTopologyNames, loadTopologies } from '../topologies.ts'
import { lakeTable } from './instance-lake.ts'

function lakeOf(environment: Record<string, string>) {
  return loadConfiguration({ flags: {}, environment, directory: tmpdir() }).lake
}

test('the names in the environment that the lake’s other software uses mean the same lake', () => {
  const { place, retentionDays, compression } = lakeOf({
    DATA_LAKE_PROVIDER: 's3',
    DATA_LAKE_BUCKET: 'adaptive-learning-data-lake',
    AWS_DEFAULT_REGION: 'us-west-2',
  })
  assert.deepEqual(place, {
    ...{ kind: 's3', bucket: 'adaptive-learning-data-lake', prefix: 'analytics' },
    ...{ region: 'us-west-2', endpoint: null, credentials: null },
  })
  assert.deepEqual(retentionDays, { raw: 90, processed: 365, aggregated: 1095 })
  assert.equal(compression, 'snappy')
})

test('a location goes before them; without either there is no lake', () => {
  const directory = { TIDEMARK_LAKE_LOCATION: '/srv/lake/', DATA_LAKE_BUCKET: 'other-bucket' }
  assert.deepEqual(lakeOf(directory).place, {
    kind: 'directory',
    directory: '/srv/lake/analytics',
  })
  const bucket = { TIDEMARK_LAKE_LOCATION: 's3://one/two/', TIDEMARK_LAKE_BASE_PATH: 'three' }
  const { place } = lakeOf(bucket)
  assert.equal(place?.kind === 's3' && `${place.bucket} ${place.prefix}`, 'one two/three')
  assert.equal(lakeOf({ AWS_DEFAULT_REGION: 'us-west-2' }).place, null)
})

test('Google’s storage needs a key, which is not printed', () => {
  const google = { DATA_LAKE_PROVIDER: 'gcs', DATA_LAKE_BUCKET: 'lake' }
  assert.throws(() => lakeOf(google), {
    message: /lake\.accessKeyId: missing; the lake needs it[^]*lake\.secretAccessKey: missing/,
  })
  const key = { TIDEMARK_LAKE_ACCESS_KEY_ID: 'GOOG', TIDEMARK_LAKE_SECRET_ACCESS_KEY: 'hidden-1' }
  const { place } = lakeOf({ ...google, ...key })
  assert.equal(place?.kind === 'gcs' && place.credentials?.secretAccessKey.reveal(), 'hidden-1')
  assert.doesNotMatch(inspect(place) + JSON.stringify(place), /hidden/)
  assert.throws(() => lakeOf({ TIDEMARK_LAKE_ACCESS_KEY_ID: 'a' }), {
    message: /lake\.secretAccessKey: missing/,
  })
})

test('places that are none are refused with what is expected', () => {
  const refused = (environment: Record<string, string>, message: RegExp) => {
    assert.throws(() => lakeOf(environment), { code: 'CONFIGURATION_INVALID', message })
  }
  refused({ TIDEMARK_LAKE_LOCATION: 'azure://a/b' }, /LAKE_LOCATION: expected a directory, s3:/)
  refused({ TIDEMARK_LAKE_LOCATION: 's3://' }, /expected a directory/)
  refused({ TIDEMARK_LAKE_LOCATION: 's3://bucket//x' }, /expected a directory/)
  refused({ DATA_LAKE_BUCKET: 'No Bucket' }, /DATA_LAKE_BUCKET: expected the name of a bucket/)
  refused({ DATA_LAKE_PROVIDER: 'azure' }, /DATA_LAKE_PROVIDER: expected one of s3, gcs/)
  refused({ TIDEMARK_LAKE_BASE_PATH: '../up' }, /expected names with slashes/)
  refused({ TIDEMARK_LAKE_COMPRESSION: 'lzo' }, /expected one of snappy, gzip, zstd, none/)
})

test('classes of storage are those of whoever keeps the files, and can be read at once', () => {
  const amazon = { TIDEMARK_LAKE_LOCATION: 's3://lake' }
  const { classes, pricePerGibMonth } = lakeOf({
    ...amazon,
    TIDEMARK_LAKE_RAW_STORAGE_CLASS: 'STANDARD_IA',
    TIDEMARK_LAKE_COLD_STORAGE_CLASS: 'GLACIER_IR',
    TIDEMARK_LAKE_PROCESSED_COLD_AFTER_DAYS: '90',
    TIDEMARK_LAKE_PRICE_PER_GIB_MONTH: 'STANDARD=0.023, GLACIER_IR=0.004',
  })
  assert.deepEqual(classes, {
    first: { raw: 'STANDARD_IA', processed: null, aggregated: null },
    coldAfterDays: { raw: 0, processed: 90, aggregated: 0 },
    cold: 'GLACIER_IR',
    coldBytesMin: 128 * 1024,
  })
  assert.deepEqual(
    [...pricePerGibMonth],
    [
      ['STANDARD', 0.023],
      ['GLACIER_IR', 0.004],
    ],
  )
  const refused = (environment: Record<string, string>, message: RegExp) => {
    assert.throws(() => lakeOf(environment), { code: 'CONFIGURATION_INVALID', message })
  }
  const raw = (name: string) => ({ TIDEMARK_LAKE_RAW_STORAGE_CLASS: name })
  refused(
    { ...amazon, ...raw('DEEP_ARCHIVE') },
    /STORAGE_CLASS: DEEP_ARCHIVE cannot be read at once/,
  )
  refused({ ...amazon, ...raw('NEARLINE') }, /NEARLINE is no class of s3; take one of STANDARD,/)
  refused({ ...amazon, ...raw('standard') }, /expected a class of storage/)
  const key = { TIDEMARK_LAKE_ACCESS_KEY_ID: 'a', TIDEMARK_LAKE_SECRET_ACCESS_KEY: 'b' }
  const google = { TIDEMARK_LAKE_LOCATION: 'gs://lake', ...key }
  assert.equal(lakeOf({ ...google, ...raw('NEARLINE') }).classes.first.raw, 'NEARLINE')
  refused({ ...google, ...raw('STANDARD_IA') }, /no class of gcs; take one of STANDARD, NEARLINE/)
  refused({ TIDEMARK_LAKE_LOCATION: '/srv', ...raw('STANDARD') }, /a directory has no classes/)
  const own = { ...amazon, TIDEMARK_LAKE_ENDPOINT: 'http://ceph:9000' }
  assert.equal(lakeOf({ ...own, ...raw('LUKEWARM') }).classes.first.raw, 'LUKEWARM')
  refused({ ...own, ...raw('GLACIER') }, /cannot be read at once/)
})

test('days become cold before they go, in a class that is named', () => {
  const days = (cold: string) => ({
    TIDEMARK_LAKE_LOCATION: 's3://lake',
    TIDEMARK_LAKE_RAW_COLD_AFTER_DAYS: cold,
  })
  const named = { TIDEMARK_LAKE_COLD_STORAGE_CLASS: 'STANDARD_IA' }
  const refused = (environment: Record<string, string>, message: RegExp) => {
    assert.throws(() => lakeOf(environment), { code: 'CONFIGURATION_INVALID', message })
  }
  refused(days('30'), /lake\.coldStorageClass: missing/)
  refused({ ...days('90'), ...named }, /90 is not below lake\.rawRetentionDays, 90/)
  const kept = { ...days('90'), ...named, TIDEMARK_LAKE_RAW_RETENTION_DAYS: '0' }
  assert.equal(lakeOf(kept).classes.coldAfterDays.raw, 90)
})

test('prices are numbers by class', () => {
  const prices = (text: string) => () => lakeOf({ TIDEMARK_LAKE_PRICE_PER_GIB_MONTH: text })
  assert.throws(prices('STANDARD'), { message: /expected STORAGE_CLASS=price/ })
  assert.throws(prices('STANDARD=-1'), { message: /expected STORAGE_CLASS=price/ })
})

test('every table that sums up is one of a topology', async () => {
  const topologies = await loadTopologies(bundledTopologyNames())
  const names = topologies.flatMap(({ factTables }) => factTables.map((table) => lakeTable(table)))
  const aggregated = names.filter(({ layer }) => layer === 'aggregated').map(({ name }) => name)
  assert.deepEqual([...new Set(aggregated)].sort(), [...aggregatedTables].sort())
})

test('columns of bytes are known from the schema', () => {
  const { bytesColumns, layer, name } = lakeTable(quarantineFact as FactTable)
  assert.deepEqual([...bytesColumns], ['record_key', 'record_value'])
  assert.deepEqual([layer, name], ['processed', 'tidemark.quarantine'])
})
