/** Where the lake is and how it is kept, put together from the settings of `lake.`. */
import type { RetentionDays } from '../../jobs/lake/places.ts'
import type { StorageClasses } from '../../jobs/lake/storage-classes.ts'
import type { Compression } from '../../sinks/lake/lake-file.ts'
import type { Secret } from '../secret.ts'
import { SettingsReader } from '../settings-reader.ts'
import type { SettingPath, SettingValues } from '../settings.ts'
import { storageClasses } from './storage-classes-configuration.ts'

export interface LakeConfiguration {
  /** Null: there is none. */
  readonly place: LakePlace | null
  readonly compression: Compression
  readonly fileBytesMax: number
  /** From the end of one write to the start of the next; 0 is never. */
  readonly writeIntervalMs: number
  readonly retentionDays: RetentionDays
  readonly classes: StorageClasses
  readonly pricePerGibMonth: ReadonlyMap<string, number>
}

/** With `lake.basePath` at its end. */
export type LakePlace =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 's3' | 'gcs'
      readonly bucket: string
      readonly prefix: string
      readonly region: string | null
      readonly endpoint: string | null
      /** Null: as the AWS SDK finds them. */
      readonly credentials: {
        readonly accessKeyId: string
        readonly secretAccessKey: Secret
      } | null
    }

/** Faults name where the setting was made, and never what is in a secret. */
export function lakeConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
): LakeConfiguration {
  const reader = new SettingsReader(values, origins, faults, 'the lake')
  const place = placeOf(values, reader)
  const retentionDays = {
    raw: values['lake.rawRetentionDays'],
    processed: values['lake.processedRetentionDays'],
    aggregated: values['lake.aggregatedRetentionDays'],
  }
  return {
    place,
    compression: values['lake.compression'],
    fileBytesMax: values['lake.fileBytesMax'],
    writeIntervalMs: values['lake.writeIntervalMs'],
    retentionDays,
    classes: storageClasses(reader, place, retentionDays),
    pricePerGibMonth: new Map(values['lake.pricePerGibMonth']),
  }
}

function placeOf(values: SettingValues, reader: SettingsReader): LakePlace | null {
  const basePath = values['lake.basePath']
  const location = values['lake.location'] ?? bucketLocation(values)
  const credentials = credentialsOf(values, reader)
  if (location === null) return null
  const [, scheme, bucket = '', prefix] = /^(s3|gs):\/\/([^/]+)(?:\/(.*))?$/.exec(location) ?? []
  if (scheme === undefined) return { kind: 'directory', directory: `${location}/${basePath}` }
  if (scheme === 'gs' && credentials === null) {
    reader.missing('lake.accessKeyId', '')
    reader.missing('lake.secretAccessKey', null)
  }
  return {
    kind: scheme === 'gs' ? 'gcs' : 's3',
    bucket,
    prefix: prefix === undefined ? basePath : `${prefix}/${basePath}`,
    region: values['lake.region'],
    endpoint: values['lake.endpoint'],
    credentials,
  }
}

function bucketLocation(values: SettingValues): string | null {
  const bucket = values['lake.bucket']
  if (bucket === null) return null
  return `${values['lake.provider'] === 'gcs' ? 'gs' : 's3'}://${bucket}`
}

function credentialsOf(values: SettingValues, reader: SettingsReader) {
  const accessKeyId = values['lake.accessKeyId']
  const secretAccessKey = reader.secret('lake.secretAccessKey')
  if (accessKeyId === null && secretAccessKey === null) return null
  if (accessKeyId === null) return reader.missing('lake.accessKeyId', null)
  if (secretAccessKey === null) return reader.missing('lake.secretAccessKey', null)
  return { accessKeyId, secretAccessKey }
}
