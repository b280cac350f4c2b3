/**
 * A topic's values as Avro in Confluent's frame. Decoding resolves the writer's schema into the reader's; the
 * resolver of a writer is made once. Neither direction waits: `prepare` and `register` do (law 6).
 */
import type { Resolver, Type } from 'avsc'
import { assert } from '../core/assert.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { AvroType } from './avro-type.ts'
import { compileAvro, compileResolver } from './compile-avro.ts'
import { incompatibilities } from './compatibility.ts'
import { SchemaRefusedError } from './faults.ts'
import { frameHeaderBytes, frameMagic, frameSchemaId, peekSchemaId } from './frame.ts'
import { fromJson } from './json-value.ts'
import { normalText } from './normal-schema.ts'
import { parseAvro, parseAvroText } from './parse-avro.ts'
import type { SchemaRegistry, SubjectVersion } from './schema-registry.ts'
import { valueSubject } from './schema-registry.ts'
import { valueFaults } from './value-faults.ts'

export interface AvroCodecOptions {
  readonly topic: string
  /** Absent: `<topic>-value`. */
  readonly subject?: string
  /** Parsed JSON: what this application reads and writes the values with. */
  readonly schema: object
  readonly registry: SchemaRegistry
}

export interface AvroCodec<T> extends ValueCodec<T> {
  readonly subject: string
  readonly type: AvroType
  /** Makes the schema known to the registry. Must have resolved before the first `encode`; asks once.
   * @throws TidemarkError SCHEMA_INCOMPATIBLE | REGISTRY_UNREACHABLE */
  register(): Promise<SubjectVersion>
  /** The value of a JSON document, for `encode`. @throws SchemaRefusedError with every fault */
  fromJson(json: unknown): T
}

/** Writer schemas that one codec remembers; the oldest goes first. */
const writersMax = 1024
/** Asked of the registry at a time. */
const lookupsMax = 8
const slabBytes = 32 * 1024

/** @throws TidemarkError SCHEMA_INVALID */
export function avroCodec<T>(options: AvroCodecOptions): AvroCodec<T> {
  return new Codec<T>(options)
}

/** A codec that can encode at once: its schema is registered. */
export async function openAvroCodec<T>(options: AvroCodecOptions): Promise<AvroCodec<T>> {
  const codec = new Codec<T>(options)
  await codec.register()
  return codec
}

/** How to read one writer's values: no resolver where its schema is the reader's; or why they cannot be. */
type Writer =
  | { readonly kind: 'same'; readonly resolver: undefined }
  | { readonly kind: 'resolved'; readonly resolver: Resolver }
  | { readonly kind: 'unreadable'; readonly reason: string }

class Codec<T> implements AvroCodec<T> {
  readonly subject: string
  readonly type: AvroType
  readonly #topic: string
  readonly #registry: SchemaRegistry
  readonly #schema: object
  readonly #normalText: string
  readonly #compiled: Type
  readonly #writers = new Map<number, Writer>()
  #registration: Promise<SubjectVersion> | null = null
  #ownId: number | null = null
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  #slabUsed = 0

  constructor(options: AvroCodecOptions) {
    this.subject = options.subject ?? valueSubject(options.topic)
    this.type = parseAvro(options.schema)
    this.#topic = options.topic
    this.#registry = options.registry
    this.#schema = options.schema
    this.#normalText = normalText(this.type)
    this.#compiled = compileAvro(this.type)
  }

  register(): Promise<SubjectVersion> {
    this.#registration ??= this.#register().catch((error: unknown) => {
      this.#registration = null
      throw error
    })
    return this.#registration
  }

  fromJson(json: unknown): T {
    return fromJson<T>(this.type, json, this.#topic)
  }

  encode(value: T): Buffer {
    assert(this.#ownId !== null, `${this.subject} is registered before a value is encoded`)
    const start = this.#slabUsed
    let end: number
    try {
      end = this.#compiled.encode(value, this.#slab, start + frameHeaderBytes)
      if (end < 0) return this.#encodeInto(this.#ownId, value, this.#slab.length - start - end)
    } catch (error) {
      throw this.#refused(value, error)
    }
    this.#slabUsed = end
    return frame(this.#slab, start, end, this.#ownId)
  }

  decode(bytes: Buffer): T {
    const id = frameSchemaId(bytes, this.#topic)
    const writer = this.#writers.get(id)
    if (writer === undefined) throw this.#unknownId(id)
    if (writer.kind === 'unreadable') {
      throw new TidemarkError('SCHEMA_REFUSED', `${this.#topic}: ${writer.reason}`, {
        details: { what: this.#topic, schemaId: id },
      })
    }
    let decoded: { value: unknown; offset: number }
    try {
      decoded = this.#compiled.decode(bytes, frameHeaderBytes, writer.resolver)
    } catch (error) {
      throw this.#corrupt(id, messageOf(error), error)
    }
    if (decoded.offset === -1) {
      throw this.#corrupt(id, `the value goes on behind the last of its ${bytes.length} bytes`)
    }
    if (decoded.offset !== bytes.length) {
      const rest = bytes.length - decoded.offset
      throw this.#corrupt(id, `${rest} bytes too many from byte ${decoded.offset} on`)
    }
    return decoded.value as T
  }

  async prepare(values: readonly (Buffer | null)[]): Promise<void> {
    const unknown = new Set<number>()
    let last = -1
    for (const value of values) {
      const id = value === null ? null : peekSchemaId(value)
      if (id === null || id === last) continue
      last = id
      if (!this.#writers.has(id)) unknown.add(id)
    }
    if (unknown.size === 0) return
    this.#forgetOldest(values)
    const ids = [...unknown]
    for (let from = 0; from < ids.length; from += lookupsMax) {
      await Promise.all(ids.slice(from, from + lookupsMax).map((id) => this.#learn(id)))
    }
  }

  async #register(): Promise<SubjectVersion> {
    const registered = await this.#registry.register(this.subject, this.#schema)
    this.#ownId = registered.id
    this.#writers.set(registered.id, { kind: 'same', resolver: undefined })
    return registered
  }

  async #learn(id: number): Promise<void> {
    const text = await this.#registry.schemaById(id)
    if (text !== null) this.#writers.set(id, this.#writerOf(id, text))
  }

  #writerOf(id: number, text: string): Writer {
    try {
      const type = parseAvroText(text)
      if (normalText(type) === this.#normalText) return { kind: 'same', resolver: undefined }
      const [fault] = incompatibilities(this.type, type)
      if (fault !== undefined) {
        const reason = `values of schema ${id} cannot be read with this schema: ${fault.message}`
        return { kind: 'unreadable', reason }
      }
      return { kind: 'resolved', resolver: compileResolver(this.#compiled, compileAvro(type)) }
    } catch (error) {
      return { kind: 'unreadable', reason: `schema ${id} cannot be used: ${messageOf(error)}` }
    }
  }

  /** Never one that these values need. */
  #forgetOldest(values: readonly (Buffer | null)[]): void {
    if (this.#writers.size < writersMax) return
    const needed = new Set(values.map((value) => (value === null ? null : peekSchemaId(value))))
    for (const id of this.#writers.keys()) {
      if (id !== this.#ownId && !needed.has(id)) this.#writers.delete(id)
      if (this.#writers.size < writersMax / 2) return
    }
  }

  /** A value that did not fit behind the slab's last one starts a new slab. */
  #encodeInto(id: number, value: T, bytes: number): Buffer {
    this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes))
    const end = this.#compiled.encode(value, this.#slab, frameHeaderBytes)
    assert(end > 0, 'a value takes as many bytes as avsc asked for')
    this.#slabUsed = end
    return frame(this.#slab, 0, end, id)
  }

  #refused(value: T, cause: unknown): Error {
    const faults = valueFaults(this.type, value)
    // The walk and the encoder judge alike; where they should not, the encoder's word is kept.
    const known = faults.length > 0 ? faults : [{ path: '', reason: messageOf(cause) }]
    return new SchemaRefusedError(this.#topic, known)
  }

  #unknownId(id: number): TidemarkError {
    return new TidemarkError(
      'SCHEMA_ID_UNKNOWN',
      `${this.#topic}: schema ${id} is not in the registry; its producer uses another one: register the schema here`,
      { details: { what: this.#topic, schemaId: id } },
    )
  }

  #corrupt(id: number, reason: string, cause?: unknown): TidemarkError {
    return new TidemarkError(
      'AVRO_CORRUPT',
      `${this.#topic}: not a value of schema ${id}: ${reason}; its producer cut it, or wrote it with another schema`,
      { details: { what: this.#topic, schemaId: id, reason }, cause },
    )
  }
}

function frame(slab: Buffer, start: number, end: number, id: number): Buffer {
  slab[start] = frameMagic
  slab.writeUInt32BE(id, start + 1)
  return slab.subarray(start, end)
}
