/**
 * What a local registry knows, rebuilt from its records. The records have the form of Confluent's `_schemas`
 * topic, and one of our own: the last id given out, so that an id is not given out twice after the schema
 * that had it was deleted for good.
 */
import type { AvroType } from './avro-type.ts'
import type { CompatibilityLevel } from './compatibility-level.ts'
import { defaultCompatibilityLevel, isCompatibilityLevel } from './compatibility-level.ts'
import { normalText } from './normal-schema.ts'
import { parseAvroText } from './parse-avro.ts'
import type { RegistryRecord } from './registry-storage.ts'
import type { SubjectVersion } from './schema-registry.ts'

export interface StoredVersion extends SubjectVersion {
  readonly deleted: boolean
}

interface KnownSchema {
  readonly text: string
  readonly type: AvroType
  readonly identity: string
}

export class RegistryState {
  /** Ascending by version. */
  readonly #subjects = new Map<string, StoredVersion[]>()
  readonly #levels = new Map<string, CompatibilityLevel>()
  readonly #schemas = new Map<number, KnownSchema>()
  readonly #idByIdentity = new Map<string, number>()
  #globalLevel: CompatibilityLevel = defaultCompatibilityLevel
  #lastId = 0

  apply(record: RegistryRecord): void {
    const key = JSON.parse(record.key) as { keytype?: string; subject?: string; version?: number }
    const value = record.value === null ? null : (JSON.parse(record.value) as Json)
    switch (key.keytype) {
      case 'SCHEMA':
        this.#applyVersion(key.subject ?? '', key.version ?? 0, value)
        return
      case 'CONFIG':
        this.#applyLevel(key.subject ?? null, value?.['compatibilityLevel'])
        return
      case 'LAST_ID':
        this.#lastId = Math.max(this.#lastId, Number(value?.['id'] ?? 0))
        return
      default:
        // Of a newer version: not ours to judge.
        return
    }
  }

  get lastId(): number {
    return this.#lastId
  }

  get globalLevel(): CompatibilityLevel {
    return this.#globalLevel
  }

  levelOf(subject: string): CompatibilityLevel | null {
    return this.#levels.get(subject) ?? null
  }

  schema(id: number): KnownSchema | null {
    return this.#schemas.get(id) ?? null
  }

  /** The id of a schema that is the same, in whatever subject. */
  idOf(identity: string): number | null {
    return this.#idByIdentity.get(identity) ?? null
  }

  subjectNames(): readonly string[] {
    return [...this.#subjects.keys()].sort()
  }

  /** Deleted ones included; empty where the subject is unknown. */
  versionsOf(subject: string): readonly StoredVersion[] {
    return this.#subjects.get(subject) ?? []
  }

  #applyVersion(subject: string, version: number, value: Json | null): void {
    const others = this.versionsOf(subject).filter((each) => each.version !== version)
    const gone = this.versionsOf(subject).find((each) => each.version === version)
    if (value === null) {
      if (others.length === 0) this.#subjects.delete(subject)
      else this.#subjects.set(subject, others)
      if (gone !== undefined) this.#forgetUnused(gone.id)
      return
    }
    const id = Number(value['id'])
    const schema = String(value['schema'])
    const stored = { subject, id, version, schema, deleted: value['deleted'] === true }
    this.#subjects.set(
      subject,
      [...others, stored].sort((a, b) => a.version - b.version),
    )
    this.#lastId = Math.max(this.#lastId, id)
    if (!this.#schemas.has(id)) {
      const type = parseAvroText(schema)
      const identity = normalText(type)
      this.#schemas.set(id, { text: schema, type, identity })
      this.#idByIdentity.set(identity, id)
    }
  }

  #applyLevel(subject: string | null, level: unknown): void {
    const known = isCompatibilityLevel(level) ? level : null
    if (subject === null) this.#globalLevel = known ?? defaultCompatibilityLevel
    else if (known === null) this.#levels.delete(subject)
    else this.#levels.set(subject, known)
  }

  #forgetUnused(id: number): void {
    for (const versions of this.#subjects.values()) {
      if (versions.some((each) => each.id === id)) return
    }
    const known = this.#schemas.get(id)
    if (known !== undefined) this.#idByIdentity.delete(known.identity)
    this.#schemas.delete(id)
  }
}

type Json = Record<string, unknown>

export function versionRecord(version: StoredVersion): RegistryRecord {
  return { key: versionKey(version), value: JSON.stringify(version) }
}

export function versionTombstone(version: StoredVersion): RegistryRecord {
  return { key: versionKey(version), value: null }
}

function versionKey({ subject, version }: StoredVersion): string {
  return JSON.stringify({ keytype: 'SCHEMA', subject, version, magic: 1 })
}

export function levelRecord(
  subject: string | null,
  level: CompatibilityLevel | null,
): RegistryRecord {
  return {
    key: JSON.stringify({ keytype: 'CONFIG', subject, magic: 0 }),
    value: level === null ? null : JSON.stringify({ compatibilityLevel: level }),
  }
}

export function lastIdRecord(id: number): RegistryRecord {
  return {
    key: JSON.stringify({ keytype: 'LAST_ID', magic: 0 }),
    value: JSON.stringify({ id }),
  }
}
