/**
 * The registry inside the process. It owns ids, versions and levels; where they are kept is the storage's.
 *  1. A change is appended first and seen after: what was acknowledged survives a crash.
 *  2. Changes are made one after another, so that each is judged by the state it changes.
 *  3. An id means one schema for ever.
 */
import type { AvroType } from './avro-type.ts'
import type { CompatibilityLevel, VersionedType } from './compatibility-level.ts'
import { levelFaults } from './compatibility-level.ts'
import { normalText } from './normal-schema.ts'
import { parseAvro, parseAvroText } from './parse-avro.ts'
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { StoredVersion } from './registry-state.ts'
import {
  lastIdRecord,
  levelRecord,
  RegistryState,
  versionRecord,
  versionTombstone,
} from './registry-state.ts'
import type { RegistryRecord, RegistryStorage } from './registry-storage.ts'
import type {
  CompatibilityVerdict,
  DeletedOption,
  SchemaRegistry,
  SubjectVersion,
  VersionSelector,
} from './schema-registry.ts'
import { registryError } from './schema-registry.ts'

/** Messages of an incompatible schema that its refusal quotes. */
const messagesQuotedMax = 5
const subjectLengthMax = 500

export class LocalSchemaRegistry implements SchemaRegistry {
  readonly #storage: RegistryStorage
  readonly #state = new RegistryState()
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(storage: RegistryStorage) {
    this.#storage = storage
  }

  static async open(storage: RegistryStorage): Promise<LocalSchemaRegistry> {
    const registry = new LocalSchemaRegistry(storage)
    for (const record of await storage.load()) registry.#state.apply(record)
    return registry
  }

  schemaById(id: number): Promise<string | null> {
    return Promise.resolve(this.#state.schema(id)?.text ?? null)
  }

  register(subject: string, schema: string | object): Promise<SubjectVersion> {
    return this.#change(async () => {
      checkSubject(subject)
      const { type, text, identity } = read(schema)
      const id = this.#state.idOf(identity)
      const versions = this.#state.versionsOf(subject)
      const same = versions.find((each) => each.id === id && !each.deleted)
      if (same !== undefined) return plain(same)
      const level = this.#state.levelOf(subject) ?? this.#state.globalLevel
      const found = levelFaults(level, type, this.#living(subject))
      if (found.length > 0) {
        const messages = found.slice(0, messagesQuotedMax).map((each) => each.message)
        throw registryError(
          409,
          `schema of subject "${subject}" breaks its compatibility ${level}: ${messages.join('; ')}`,
        )
      }
      const version: StoredVersion = {
        subject,
        version: (versions.at(-1)?.version ?? 0) + 1,
        id: id ?? this.#state.lastId + 1,
        schema: id === null ? text : present(this.#state.schema(id), 'a schema with an id').text,
        deleted: false,
      }
      await this.#append([versionRecord(version)])
      return plain(version)
    })
  }

  async lookup(
    subject: string,
    schema: string | object,
    options: DeletedOption = {},
  ): Promise<SubjectVersion> {
    const { identity } = read(schema)
    const id = this.#state.idOf(identity)
    const found = this.#versions(subject, options).find((each) => each.id === id)
    if (found === undefined) throw registryError(40403, `Schema not found in "${subject}".`)
    return Promise.resolve(plain(found))
  }

  subjects(options: DeletedOption = {}): Promise<readonly string[]> {
    const names = this.#state.subjectNames()
    return Promise.resolve(
      options.deleted === true ? names : names.filter((name) => this.#living(name).length > 0),
    )
  }

  async versions(subject: string, options: DeletedOption = {}): Promise<readonly number[]> {
    return Promise.resolve(this.#versions(subject, options).map((each) => each.version))
  }

  async version(
    subject: string,
    version: VersionSelector,
    options: DeletedOption = {},
  ): Promise<SubjectVersion> {
    return Promise.resolve(plain(this.#version(subject, version, options)))
  }

  usesOf(id: number, options: DeletedOption = {}): Promise<readonly SubjectVersion[]> {
    const uses = this.#state
      .subjectNames()
      .flatMap((subject) => this.#state.versionsOf(subject))
      .filter((each) => each.id === id && (options.deleted === true || !each.deleted))
    return Promise.resolve(uses.map(plain))
  }

  async checkCompatibility(
    subject: string,
    schema: string | object,
    version?: VersionSelector,
  ): Promise<CompatibilityVerdict> {
    const { type } = read(schema)
    const level = this.#state.levelOf(subject) ?? this.#state.globalLevel
    const living = this.#living(subject)
    const selected = version === undefined || (version === 'latest' && living.length === 0)
    const against = selected ? living : [this.#typed(this.#version(subject, version, {}))]
    const incompatibilities = levelFaults(level, type, against)
    return Promise.resolve({ compatible: incompatibilities.length === 0, incompatibilities })
  }

  compatibilityLevel(subject?: string): Promise<CompatibilityLevel | null> {
    return Promise.resolve(
      subject === undefined ? this.#state.globalLevel : this.#state.levelOf(subject),
    )
  }

  setCompatibilityLevel(level: CompatibilityLevel | null, subject?: string): Promise<void> {
    return this.#change(() => this.#append([levelRecord(subject ?? null, level)]))
  }

  deleteVersion(subject: string, version: VersionSelector, permanent = false): Promise<number> {
    return this.#change(async () => {
      const stored = this.#version(subject, version, { deleted: true })
      const named = `Subject '${subject}' Version ${stored.version}`
      if (permanent && !stored.deleted) {
        throw registryError(
          40407,
          `${named} was not deleted first before being permanently deleted`,
        )
      }
      if (!permanent && stored.deleted) {
        throw registryError(
          40406,
          `${named} was soft deleted. Set permanent=true to delete permanently`,
        )
      }
      await this.#append(permanent ? this.#removal([stored]) : [hidden(stored)])
      return stored.version
    })
  }

  deleteSubject(subject: string, permanent = false): Promise<readonly number[]> {
    return this.#change(async () => {
      const all = this.#versions(subject, { deleted: true })
      const living = all.filter((each) => !each.deleted)
      if (permanent && living.length > 0) {
        throw registryError(
          40405,
          `Subject '${subject}' was not deleted first before being permanently deleted`,
        )
      }
      if (!permanent && living.length === 0) {
        throw registryError(
          40404,
          `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`,
        )
      }
      const changed = permanent ? all : living
      await this.#append(
        permanent
          ? [...this.#removal(changed), levelRecord(subject, null)]
          : changed.map((each) => hidden(each)),
      )
      return changed.map((each) => each.version)
    })
  }

  #versions(subject: string, options: DeletedOption): readonly StoredVersion[] {
    const all = this.#state.versionsOf(subject)
    const found = options.deleted === true ? all : all.filter((each) => !each.deleted)
    if (found.length === 0) throw registryError(40401, `Subject '${subject}' not found.`)
    return found
  }

  #version(subject: string, version: VersionSelector, options: DeletedOption): StoredVersion {
    const all = this.#versions(subject, options)
    const found =
      version === 'latest'
        ? (all.findLast((each) => !each.deleted) ?? all.at(-1))
        : all.find((each) => each.version === version)
    if (found === undefined) throw registryError(40402, `Version ${version} not found.`)
    return found
  }

  #living(subject: string): readonly VersionedType[] {
    return this.#state
      .versionsOf(subject)
      .filter((each) => !each.deleted)
      .map((each) => this.#typed(each))
  }

  #typed({ version, id }: StoredVersion): VersionedType {
    return { version, type: present(this.#state.schema(id), `schema ${id} of a version`).type }
  }

  /** With the last id, which may be that of the schema removed (invariant 3). */
  #removal(versions: readonly StoredVersion[]): readonly RegistryRecord[] {
    return [...versions.map(versionTombstone), lastIdRecord(this.#state.lastId)]
  }

  async #append(records: readonly RegistryRecord[]): Promise<void> {
    await this.#storage.append(records)
    for (const record of records) this.#state.apply(record)
  }

  /** Invariant 2; a failed change does not hold up the next. */
  #change<R>(change: () => Promise<R>): Promise<R> {
    const result = this.#lastChange.then(change)
    this.#lastChange = result.catch(() => undefined)
    return result
  }
}

function read(schema: string | object): { type: AvroType; text: string; identity: string } {
  const type = typeof schema === 'string' ? parseAvroText(schema) : parseAvro(schema)
  const text =
    typeof schema === 'string' ? (compact(schema) ?? normalText(type)) : JSON.stringify(schema)
  return { type, text, identity: normalText(type) }
}

/** The schema as it was sent, without the white space; undefined for a bare primitive name. */
function compact(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return undefined
  }
}

function hidden(version: StoredVersion): RegistryRecord {
  return versionRecord({ ...version, deleted: true })
}

function plain({ subject, id, version, schema }: StoredVersion): SubjectVersion {
  return { subject, id, version, schema }
}

function checkSubject(subject: string): void {
  if (subject.length > 0 && subject.length <= subjectLengthMax) return
  throw new TidemarkError(
    'REQUEST_INVALID',
    `subject ${JSON.stringify(subject.slice(0, 50))}: use 1 to ${subjectLengthMax} characters`,
  )
}
