import type { AvroType } from './avro-type.ts'
import type { Incompatibility } from './compatibility.ts'
import { incompatibilities } from './compatibility.ts'

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const

export type CompatibilityLevel = (typeof compatibilityLevels)[number]

export const defaultCompatibilityLevel: CompatibilityLevel = 'BACKWARD'

export function isCompatibilityLevel(text: unknown): text is CompatibilityLevel {
  return compatibilityLevels.includes(text as CompatibilityLevel)
}

export interface VersionedType {
  readonly version: number
  readonly type: AvroType
}

/**
 * What the level has against a new schema beside the earlier ones (ascending by version). BACKWARD: the new one
 * reads what the latest wrote; FORWARD: the latest reads what the new one writes; FULL: both; the transitive
 * levels ask it of all versions.
 */
export function levelFaults(
  level: CompatibilityLevel,
  candidate: AvroType,
  earlier: readonly VersionedType[],
): readonly Incompatibility[] {
  const against = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1)
  const direction = level.replace('_TRANSITIVE', '')
  const found: Incompatibility[] = []
  for (const { version, type } of against) {
    if (direction === 'BACKWARD' || direction === 'FULL') {
      const prefix = `the new schema cannot read data of version ${version}`
      found.push(...incompatibilities(candidate, type).map((each) => of(each, prefix)))
    }
    if (direction === 'FORWARD' || direction === 'FULL') {
      const prefix = `version ${version} cannot read data of the new schema`
      found.push(...incompatibilities(type, candidate).map((each) => of(each, prefix)))
    }
  }
  return found
}

function of(each: Incompatibility, prefix: string): Incompatibility {
  return { ...each, message: `${prefix}: ${each.message}` }
}
