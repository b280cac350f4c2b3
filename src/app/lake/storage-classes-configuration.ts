/** Which classes of storage the lake's files may have, by whoever keeps them. */
import { layers, type Layer, type RetentionDays } from '../../jobs/lake/places.ts'
import { archiveClasses, type StorageClasses } from '../../jobs/lake/storage-classes.ts'
import type { SettingsReader } from '../settings-reader.ts'
import type { LakePlace } from './lake-configuration.ts'

/**
 * Those that can be read at once, which a write, `lake validate` and readers need. Amazon's, and Google's as its S3-compatible
 * interface takes them (https://docs.cloud.google.com/storage/docs/storage-classes).
 */
const known = {
  s3: [
    ...['STANDARD', 'INTELLIGENT_TIERING', 'STANDARD_IA'],
    ...['ONEZONE_IA', 'GLACIER_IR', 'REDUCED_REDUNDANCY'],
  ],
  gcs: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
} as const satisfies Record<string, readonly string[]>

const classSettings = [
  'lake.rawStorageClass',
  'lake.processedStorageClass',
  'lake.aggregatedStorageClass',
  'lake.coldStorageClass',
] as const

export function storageClasses(
  reader: SettingsReader,
  place: LakePlace | null,
  retentionDays: RetentionDays,
): StorageClasses {
  const { values } = reader
  for (const setting of classSettings) {
    const name = values[setting]
    const fault = name === null || place === null ? null : faultOf(name, place)
    if (fault !== null) reader.fault(setting, fault)
  }
  const cold = values['lake.coldStorageClass']
  const coldAfterDays: Record<Layer, number> = { raw: 0, processed: 0, aggregated: 0 }
  for (const layer of layers) {
    const setting = `lake.${layer}ColdAfterDays` as const
    const days = (coldAfterDays[layer] = values[setting])
    const kept = retentionDays[layer]
    if (days > 0 && cold === null) reader.missing('lake.coldStorageClass', null)
    if (days > 0 && kept > 0 && days >= kept) {
      const least = `lake.${layer}RetentionDays, ${kept}`
      reader.fault(setting, `${days} is not below ${least}: days would go before they are cold`)
    }
  }
  return {
    first: {
      raw: values['lake.rawStorageClass'],
      processed: values['lake.processedStorageClass'],
      aggregated: values['lake.aggregatedStorageClass'],
    },
    coldAfterDays,
    cold,
    coldBytesMin: values['lake.coldBytesMin'],
  }
}

/** Another service than the provider's own may have classes of its own names, as Ceph does. */
function faultOf(name: string, place: LakePlace): string | null {
  if (place.kind === 'directory') {
    return `${name}: a directory has no classes of storage; the lake is in ${place.directory}`
  }
  const ours: readonly string[] = known[place.kind]
  const instead = `take one of ${ours.join(', ')}`
  if (archiveClasses.has(name)) {
    return `${name} cannot be read at once, which the lake needs; ${instead}`
  }
  if (ours.includes(name) || place.endpoint !== null) return null
  return `${name} is no class of ${place.kind}; ${instead}`
}
