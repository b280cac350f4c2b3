/**
 * A registry in front of one that may be away: what it has answered is kept, on the disk too, so that an instance whose
 * schemas are known starts and goes on without it.
 *
 *  1. A schema registered once in this process is not asked for again.
 *  2. What only the disk knows is asked for first, and taken from the disk while the registry does not answer.
 *  3. A refusal is no absence: it reaches the caller, whatever the disk says.
 *  4. An id never changes its meaning in one registry. One that the disk knows otherwise is of another registry, made
 *     anew at the same address perhaps: then nothing is decoded by a guess.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { CompatibilityLevel } from './compatibility-level.ts'
import { normalText } from './normal-schema.ts'
import { parseAvroText } from './parse-avro.ts'
import type { SchemaCacheContent, SchemaCacheStorage } from './schema-cache-file.ts'
import type {
  CompatibilityVerdict,
  DeletedOption,
  SchemaRegistry,
  SubjectVersion,
  VersionSelector,
} from './schema-registry.ts'

export interface CachedSchemaRegistryOptions {
  readonly registry: SchemaRegistry
  readonly storage: SchemaCacheStorage
  readonly clock: Clock
}

/** The oldest go first. */
const entriesMax = 10_000
/** After an absence the disk answers for so long before the registry is asked again. */
const awayMs = 5_000

/** Requests of `verify` at a time. */
const verifiedAtOnceMax = 8
const shownCharactersMax = 60

interface Known {
  readonly schema: string
  readonly isOfThisProcess: boolean
}

interface Registration {
  readonly version: SubjectVersion
  readonly isOfThisProcess: boolean
}

export class CachedSchemaRegistry implements SchemaRegistry {
  readonly #registry: SchemaRegistry
  readonly #storage: SchemaCacheStorage
  readonly #clock: Clock
  readonly #schemas = new Map<number, Known>()
  readonly #registrations = new Map<string, Registration>()
  #awayUntilMs = -Infinity
  #saving: Promise<void> | null = null
  #isDirty = false

  private constructor({ registry, storage, clock }: CachedSchemaRegistryOptions) {
    this.#registry = registry
    this.#storage = storage
    this.#clock = clock
  }

  static async open(options: CachedSchemaRegistryOptions): Promise<CachedSchemaRegistry> {
    const registry = new CachedSchemaRegistry(options)
    const { schemas, registrations } = await options.storage.load()
    for (const [id, schema] of schemas)
      registry.#schemas.set(id, { schema, isOfThisProcess: false })
    for (const [name, version] of registrations) {
      registry.#registrations.set(name, { version, isOfThisProcess: false })
    }
    return registry
  }

  /** True from a request that got no answer until one gets one, or the next is due. */
  get isAway(): boolean {
    return this.#clock.monotonicMs() < this.#awayUntilMs
  }

  /** Whether it can be registered while the registry is away. */
  isKnown(subject: string, schema: string | object): boolean {
    return this.#registrations.has(registrationName(subject, schema))
  }

  async schemaById(id: number): Promise<string | null> {
    const known = this.#schemas.get(id)
    if (known !== undefined && (known.isOfThisProcess || this.isAway)) return known.schema
    let schema: string | null
    try {
      schema = await this.#noted(() => this.#registry.schemaById(id))
    } catch (thrown) {
      if (known !== undefined && isAbsence(thrown)) return known.schema
      throw thrown
    }
    if (schema === null) {
      // It was deleted for good: who does not know it by chance has none either.
      this.#schemas.delete(id)
      return null
    }
    if (known !== undefined && !isSame(known.schema, schema)) {
      throw anotherRegistry([`id ${id} was ${nameIn(known.schema)} and is ${nameIn(schema)} now`])
    }
    this.#keepSchema(id, schema)
    return schema
  }

  /**
   * At a start, before anything is registered or decoded: that what the disk says of this instance's own subjects still
   * holds. Says nothing while the registry is away.
   * @throws TidemarkError CONFIGURATION_INVALID where it is another registry
   */
  async verify(): Promise<void> {
    const unseen = [...this.#registrations.values()].filter((each) => !each.isOfThisProcess)
    const versions = [...new Map(unseen.map(({ version }) => [version.id, version])).values()]
    const changes: string[] = []
    for (let from = 0; from < versions.length && !this.isAway; from += verifiedAtOnceMax) {
      const asked = versions.slice(from, from + verifiedAtOnceMax)
      const found = await Promise.all(asked.map((version) => this.#changeOf(version)))
      changes.push(...found.filter((change) => change !== null))
    }
    if (changes.length > 0) throw anotherRegistry(changes)
  }

  /** Null where the id is what it was, and where the registry is away. */
  async #changeOf({ id, subject, schema }: SubjectVersion): Promise<string | null> {
    try {
      const now = await this.#noted(() => this.#registry.schemaById(id))
      if (now === null) return `it has no id ${id}, which was that of ${subject}`
      if (!isSame(schema, now)) return `id ${id} was that of ${subject} and is ${nameIn(now)} now`
      this.#keepSchema(id, now)
    } catch (thrown) {
      if (!isAbsence(thrown)) throw thrown
    }
    return null
  }

  async register(subject: string, schema: string | object): Promise<SubjectVersion> {
    const name = registrationName(subject, schema)
    const known = this.#registrations.get(name)
    if (known !== undefined && (known.isOfThisProcess || this.isAway)) return known.version
    let version: SubjectVersion
    try {
      version = await this.#noted(() => this.#registry.register(subject, schema))
    } catch (thrown) {
      if (known !== undefined && isAbsence(thrown)) return known.version
      throw thrown
    }
    const other = this.#schemas.get(version.id)
    if (other !== undefined && !isSame(other.schema, version.schema)) {
      throw anotherRegistry([
        `id ${version.id} was ${nameIn(other.schema)} and is of ${subject} now`,
      ])
    }
    bounded(this.#registrations).set(name, { version, isOfThisProcess: true })
    this.#keepSchema(version.id, version.schema)
    return version
  }

  lookup(subject: string, schema: string | object, options?: DeletedOption) {
    return this.#noted(() => this.#registry.lookup(subject, schema, options))
  }

  subjects(options?: DeletedOption): Promise<readonly string[]> {
    return this.#noted(() => this.#registry.subjects(options))
  }

  versions(subject: string, options?: DeletedOption): Promise<readonly number[]> {
    return this.#noted(() => this.#registry.versions(subject, options))
  }

  version(subject: string, version: VersionSelector, options?: DeletedOption) {
    return this.#noted(() => this.#registry.version(subject, version, options))
  }

  usesOf(id: number, options?: DeletedOption): Promise<readonly SubjectVersion[]> {
    return this.#noted(() => this.#registry.usesOf(id, options))
  }

  checkCompatibility(
    subject: string,
    schema: string | object,
    version?: VersionSelector,
  ): Promise<CompatibilityVerdict> {
    return this.#noted(() => this.#registry.checkCompatibility(subject, schema, version))
  }

  compatibilityLevel(subject?: string): Promise<CompatibilityLevel | null> {
    return this.#noted(() => this.#registry.compatibilityLevel(subject))
  }

  setCompatibilityLevel(level: CompatibilityLevel | null, subject?: string): Promise<void> {
    return this.#noted(() => this.#registry.setCompatibilityLevel(level, subject))
  }

  deleteVersion(subject: string, version: VersionSelector, permanent?: boolean): Promise<number> {
    return this.#forgetting(subject, () =>
      this.#registry.deleteVersion(subject, version, permanent),
    )
  }

  deleteSubject(subject: string, permanent?: boolean): Promise<readonly number[]> {
    return this.#forgetting(subject, () => this.#registry.deleteSubject(subject, permanent))
  }

  /** Resolves when what is known is on the disk, as far as the disk takes it. */
  async close(): Promise<void> {
    while (this.#saving !== null) await this.#saving
  }

  async #noted<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask()
      this.#awayUntilMs = -Infinity
      return answer
    } catch (thrown) {
      if (isAbsence(thrown)) this.#awayUntilMs = this.#clock.monotonicMs() + awayMs
      throw thrown
    }
  }

  async #forgetting<T>(subject: string, change: () => Promise<T>): Promise<T> {
    const answer = await this.#noted(change)
    for (const [name, { version }] of this.#registrations) {
      if (version.subject === subject) this.#registrations.delete(name)
    }
    this.#save()
    return answer
  }

  #keepSchema(id: number, schema: string): void {
    bounded(this.#schemas).set(id, { schema, isOfThisProcess: true })
    this.#save()
  }

  /** One write at a time; what changes meanwhile goes into the next. A disk that takes none costs only a start
   * without the registry. */
  #save(): void {
    this.#isDirty = true
    if (this.#saving !== null) return
    const run = async () => {
      while (this.#isDirty) {
        this.#isDirty = false
        await this.#storage.save(this.#content()).catch(() => undefined)
      }
      this.#saving = null
    }
    this.#saving = run()
  }

  #content(): SchemaCacheContent {
    return {
      schemas: [...this.#schemas].map(([id, { schema }]) => [id, schema]),
      registrations: [...this.#registrations].map(([name, { version }]) => [name, version]),
    }
  }
}

function registrationName(subject: string, schema: string | object): string {
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema)
  return createHash('sha256').update(`${subject}\n${text}`).digest('hex')
}

/** However they are written. */
function isSame(left: string, right: string): boolean {
  if (left === right) return true
  try {
    return normalText(parseAvroText(left)) === normalText(parseAvroText(right))
  } catch {
    return false
  }
}

/** A schema, short enough for a message. */
function nameIn(schema: string): string {
  const name = /"name"\s*:\s*"([^"]+)"/.exec(schema)?.[1]
  return `schema ${name ?? schema.slice(0, shownCharactersMax)}`
}

function anotherRegistry(changes: readonly string[]): TidemarkError {
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `the schema registry is not the one that this data directory knows, or has lost schemas: ${changes.join('; ')}. Records ` +
      'that were written with such ids cannot be read by it: correct SCHEMA_REGISTRY_URL, or bring its schemas back under ' +
      'their ids. Where no such records are left, delete schemas.json in the data directory',
  )
}

function isAbsence(thrown: unknown): boolean {
  return thrown instanceof TidemarkError && thrown.code === 'REGISTRY_UNREACHABLE'
}

/** With room for one more. */
function bounded<K, V>(map: Map<K, V>): Map<K, V> {
  const [oldest] = map.keys()
  if (map.size >= entriesMax && oldest !== undefined) map.delete(oldest)
  return map
}
