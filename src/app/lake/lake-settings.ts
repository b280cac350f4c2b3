/** The settings of `lake.`, three of them also under the names that the lake's other software uses. */
import { compressions, type Compression } from '../../sinks/lake/lake-file.ts'
import { optional, secret, setting } from '../setting.ts'
import {
  httpUrl,
  namedNumbers,
  oneOf,
  text,
  wholeNumber,
  type NamedNumber,
  type Reading,
} from '../setting-readers.ts'

const mebibyte = 1024 * 1024
const day = 24 * 60 * 60_000
const retention = wholeNumber(0, 100_000)

export const lakeSettings = {
  'lake.location': optional(lakeLocation),
  'lake.provider': setting<'s3' | 'gcs'>('s3', oneOf(['s3', 'gcs']), {
    environment: 'DATA_LAKE_PROVIDER',
  }),
  'lake.bucket': optional(bucketName, { environment: 'DATA_LAKE_BUCKET' }),
  'lake.basePath': setting('analytics', folderName),
  'lake.region': optional(text, { environment: 'AWS_DEFAULT_REGION' }),
  'lake.endpoint': optional(httpUrl),
  'lake.accessKeyId': optional(text),
  'lake.secretAccessKey': secret(),
  'lake.secretAccessKeyFile': optional(text),
  'lake.compression': setting<Compression>('snappy', oneOf(compressions)),
  'lake.fileBytesMax': setting(64 * mebibyte, wholeNumber(mebibyte, 1024 * mebibyte)),
  'lake.writeIntervalMs': setting(60 * 60_000, wholeNumber(0, 365 * day)),
  'lake.rawRetentionDays': setting(90, retention),
  'lake.processedRetentionDays': setting(365, retention),
  'lake.aggregatedRetentionDays': setting(1095, retention),
  'lake.rawStorageClass': optional(className),
  'lake.processedStorageClass': optional(className),
  'lake.aggregatedStorageClass': optional(className),
  'lake.coldStorageClass': optional(className),
  'lake.rawColdAfterDays': setting(0, retention),
  'lake.processedColdAfterDays': setting(0, retention),
  'lake.aggregatedColdAfterDays': setting(0, retention),
  // Amazon's colder classes charge for a smaller file as for one of this size.
  'lake.coldBytesMin': setting(128 * 1024, wholeNumber(0, 1024 * mebibyte)),
  'lake.pricePerGibMonth': setting<readonly NamedNumber[]>([], prices),
} as const

const bucket = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/
const segments = /^[^/]+(\/[^/]+)*$/

const classPattern = /^[A-Z][A-Z0-9_]{0,63}$/
const priceMax = 1_000_000

function className(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && classPattern.test(raw)) return { value: raw }
  return {
    fault: `expected a class of storage, as STANDARD_IA or NEARLINE, found ${JSON.stringify(raw)}`,
  }
}

/** `STANDARD=0.023,STANDARD_IA=0.0125`. */
function prices(raw: unknown): Reading<readonly NamedNumber[]> {
  const expected = `STORAGE_CLASS=price from 0 to ${priceMax}`
  return namedNumbers(priceMax, expected, (name) => classPattern.test(name))(raw)
}

/** A directory, or a bucket with a prefix. */
export function lakeLocation(raw: unknown): Reading<string> {
  const reading = text(raw)
  if ('fault' in reading) return reading
  const given = reading.value.trim()
  const [, scheme, rest = ''] = /^([a-z][a-z0-9]*):\/\/(.*)$/.exec(given) ?? []
  if (scheme === undefined) return { value: given.replace(/(?<=.)\/+$/, '') }
  const path = rest.replace(/\/+$/, '')
  const isKnown = scheme === 's3' || scheme === 'gs'
  const isBucket = segments.test(path) && bucket.test(path.split('/')[0] ?? '')
  if (isKnown && isBucket) return { value: `${scheme}://${path}` }
  const found = JSON.stringify(raw)
  return { fault: `expected a directory, s3://bucket/prefix or gs://bucket/prefix, found ${found}` }
}

function bucketName(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && bucket.test(raw)) return { value: raw }
  return { fault: `expected the name of a bucket, found ${JSON.stringify(raw)}` }
}

function folderName(raw: unknown): Reading<string> {
  const isPath = typeof raw === 'string' && segments.test(raw)
  if (isPath && !raw.split('/').some((part) => part.startsWith('.'))) return { value: raw }
  return { fault: `expected names with slashes between, found ${JSON.stringify(raw)}` }
}
