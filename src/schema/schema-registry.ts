/**
 * The schema registry as the product needs it: schemas by id, versions by subject, compatibility. It has the
 * semantics of Confluent's Schema Registry: ids are of the schema, shared by all subjects that have it;
 * versions count within a subject; a deleted version can be brought to light until it is deleted for good.
 */
import type { ErrorCode } from '../core/errors.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Incompatibility } from './compatibility.ts'
import type { CompatibilityLevel } from './compatibility-level.ts'

export interface SubjectVersion {
  readonly subject: string
  readonly id: number
  readonly version: number
  /** JSON text. */
  readonly schema: string
}

export interface CompatibilityVerdict {
  readonly compatible: boolean
  readonly incompatibilities: readonly Incompatibility[]
}

export type VersionSelector = number | 'latest'

export interface DeletedOption {
  /** Deleted ones, too. */
  readonly deleted?: boolean
}

export interface SchemaRegistry {
  /** The schema's JSON text; null where the id is unknown. @throws TidemarkError REGISTRY_UNREACHABLE */
  schemaById(id: number): Promise<string | null>

  /** The same schema again answers what it answered before.
   * @throws TidemarkError SCHEMA_INVALID | SCHEMA_INCOMPATIBLE */
  register(subject: string, schema: string | object): Promise<SubjectVersion>

  /** The version of this very schema in the subject. @throws TidemarkError SUBJECT_UNKNOWN (40401, 40403) */
  lookup(subject: string, schema: string | object, options?: DeletedOption): Promise<SubjectVersion>

  subjects(options?: DeletedOption): Promise<readonly string[]>
  /** Ascending. @throws TidemarkError SUBJECT_UNKNOWN */
  versions(subject: string, options?: DeletedOption): Promise<readonly number[]>
  /** @throws TidemarkError SUBJECT_UNKNOWN (40401, 40402) */
  version(
    subject: string,
    version: VersionSelector,
    options?: DeletedOption,
  ): Promise<SubjectVersion>
  /** Where a schema is in use. Empty where the id is unknown. */
  usesOf(id: number, options?: DeletedOption): Promise<readonly SubjectVersion[]>

  /** Against one version, or, without one, against those that the subject's level asks for. A subject without
   * versions is compatible with everything. */
  checkCompatibility(
    subject: string,
    schema: string | object,
    version?: VersionSelector,
  ): Promise<CompatibilityVerdict>

  /** The subject's own level, or null; without a subject the global one. */
  compatibilityLevel(subject?: string): Promise<CompatibilityLevel | null>
  /** Null takes a subject's own level away, and sets the global one back to BACKWARD. */
  setCompatibilityLevel(level: CompatibilityLevel | null, subject?: string): Promise<void>

  /** Hides the version; with `permanent` it is gone, once it has been hidden. Answers the version. */
  deleteVersion(subject: string, version: VersionSelector, permanent?: boolean): Promise<number>
  /** Hides or removes all versions; answers them. */
  deleteSubject(subject: string, permanent?: boolean): Promise<readonly number[]>
}

/** The subject of a topic's values. */
export function valueSubject(topic: string): string {
  return `${topic}-value`
}

/** Confluent's error numbers, which its clients know, and the code that each is here. */
export const registryErrors = {
  40401: 'SUBJECT_UNKNOWN',
  40402: 'SUBJECT_UNKNOWN',
  40403: 'SUBJECT_UNKNOWN',
  40404: 'SUBJECT_UNKNOWN',
  40405: 'SUBJECT_UNKNOWN',
  40406: 'SUBJECT_UNKNOWN',
  40407: 'SUBJECT_UNKNOWN',
  40408: 'SUBJECT_UNKNOWN',
  409: 'SCHEMA_INCOMPATIBLE',
  42201: 'SCHEMA_INVALID',
  42202: 'REQUEST_INVALID',
  42203: 'REQUEST_INVALID',
  42204: 'REQUEST_INVALID',
} as const satisfies Record<number, ErrorCode>

export type RegistryErrorNumber = keyof typeof registryErrors

/** A failure under Confluent's number (`details.errorCode`). */
export function registryError(errorCode: RegistryErrorNumber, message: string): TidemarkError {
  return new TidemarkError(registryErrors[errorCode], message, { details: { errorCode } })
}
