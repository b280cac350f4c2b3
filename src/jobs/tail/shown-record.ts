/** A record of any topic as JSON: what can be read of its key and value, and the bytes of what cannot. */
import { isUtf8 } from 'node:buffer'
import type { Type } from 'avsc'
import { messageOf } from '../../core/errors.ts'
import type { ConsumerRecord } from '../../core/record.ts'
import { decodeTuple, type KeyPart } from '../../core/tuple.ts'
import { compileAvro } from '../../schema/compile-avro.ts'
import { frameHeaderBytes, peekSchemaId } from '../../schema/frame.ts'
import { parseAvroText } from '../../schema/parse-avro.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'

export interface ShownRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Event time, ISO 8601, UTC. */
  readonly timestamp: string
  /** A key of one part is that part; null also where `key_base64` is there. */
  readonly key: KeyPart | readonly KeyPart[] | null
  readonly key_base64?: string
  /** Avro as JSON that the ingest door takes; text that is no Avro as it is; null of a tombstone. */
  readonly value: unknown
  readonly value_base64?: string
  /** Why the value was not read. */
  readonly fault?: string
  readonly headers?: Readonly<Record<string, string>>
}

type Schemas = Pick<SchemaRegistry, 'schemaById'>

/** Writer's schemas by id; an id means the same schema for ever. */
export class RecordReader {
  readonly #schemas: Schemas
  readonly #types = new Map<number, Type | string>()

  constructor(schemas: Schemas) {
    this.#schemas = schemas
  }

  /** Makes the schemas known that the values were written with. @throws TidemarkError REGISTRY_UNREACHABLE */
  async prepare(records: readonly ConsumerRecord[]): Promise<void> {
    for (const { value } of records) {
      const id = value === null ? null : peekSchemaId(value)
      if (id !== null && !(this.#types.get(id) instanceof Object)) {
        this.#types.set(id, await this.#typeOf(id))
      }
    }
  }

  show(topic: string, partition: number, record: ConsumerRecord): ShownRecord {
    const { offset, timestampMs, headers } = record
    return {
      topic,
      partition,
      offset,
      timestamp: new Date(timestampMs).toISOString(),
      ...shownKey(record.key),
      ...this.#shownValue(record.value),
      ...(headers.length === 0
        ? {}
        : {
            headers: Object.fromEntries(headers.map(([name, value]) => [name, textOf(value)])),
          }),
    }
  }

  #shownValue(value: Buffer | null): Pick<ShownRecord, 'value' | 'value_base64' | 'fault'> {
    if (value === null) return { value: null }
    const id = peekSchemaId(value)
    if (id === null) {
      return isUtf8(value)
        ? { value: value.toString('utf8') }
        : { value: null, value_base64: value.toString('base64') }
    }
    const type = this.#types.get(id) ?? `schema ${id} was not looked up`
    const unread = (fault: string) => ({
      value: null,
      value_base64: value.toString('base64'),
      fault,
    })
    if (typeof type === 'string') return unread(type)
    try {
      const decoded = type.decode(value, frameHeaderBytes)
      if (decoded.offset === value.length) return { value: jsonOf(decoded.value) }
      return unread(`not a value of schema ${id}: its ${value.length} bytes are not what it takes`)
    } catch (thrown) {
      return unread(`not a value of schema ${id}: ${messageOf(thrown)}`)
    }
  }

  async #typeOf(id: number): Promise<Type | string> {
    const text = await this.#schemas.schemaById(id)
    if (text === null) return `schema ${id} is not in the registry`
    try {
      return compileAvro(parseAvroText(text))
    } catch (thrown) {
      return `schema ${id} cannot be used: ${messageOf(thrown)}`
    }
  }
}

/** Of a key of several parts, any way in which a person writes it: `ann,t1`, or the JSON that is shown. */
export function hasKey(record: ConsumerRecord, wanted: string): boolean {
  const { key, key_base64 } = shownKey(record.key)
  if (key_base64 !== undefined) return key_base64 === wanted
  if (key === null) return false
  return typeof key === 'object'
    ? key.join(',') === wanted || JSON.stringify(key) === wanted
    : String(key) === wanted
}

/** Our own keys are tuples; those of others mostly text. */
function shownKey(key: Buffer | null): Pick<ShownRecord, 'key' | 'key_base64'> {
  if (key === null) return { key: null }
  try {
    const parts = decodeTuple(key)
    if (parts.length > 1) return { key: parts }
    if (parts[0] !== undefined) return { key: parts[0] }
  } catch {
    // No tuple: the key of another program.
  }
  return isUtf8(key)
    ? { key: key.toString('utf8') }
    : { key: null, key_base64: key.toString('base64') }
}

function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('base64')
}

/** Bytes in Avro's JSON form, a character each; numbers that JSON lacks by their names. */
function jsonOf(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, jsonOf(each)]))
}
