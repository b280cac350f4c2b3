/** The schemas that producers bring along: registered under the topic's subject, so that an incompatible one is
 * refused before a record of it is taken. */
import { TidemarkError } from '../../core/errors.ts'
import type { AdmissionTopic } from '../../quality/admission.ts'
import { avroCodec } from '../../schema/avro-codec.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { messageOf } from '../../core/errors.ts'

export interface WriterCodec {
  readonly id: number
  /** @throws SchemaRefusedError */
  encodeJson(json: unknown): Buffer
}

/** Remembered; the oldest goes first. */
const writersMax = 256

export class ProducerSchemas {
  readonly #registry: SchemaRegistry
  readonly #writers = new Map<string, Promise<WriterCodec>>()

  constructor(registry: SchemaRegistry) {
    this.#registry = registry
  }

  /** @throws TidemarkError SCHEMA_INVALID | SCHEMA_INCOMPATIBLE | REGISTRY_UNREACHABLE */
  bySchema(topic: AdmissionTopic, schema: string): Promise<WriterCodec> {
    return this.#remembered(`${topic.definition.name} ${schema}`, () => this.#open(topic, schema))
  }

  /** @throws TidemarkError SCHEMA_ID_UNKNOWN | SCHEMA_INCOMPATIBLE | REGISTRY_UNREACHABLE */
  byId(topic: AdmissionTopic, id: number): Promise<WriterCodec> {
    return this.#remembered(`${topic.definition.name} #${id}`, async () => {
      const schema = await this.#registry.schemaById(id)
      if (schema === null) {
        throw new TidemarkError('SCHEMA_ID_UNKNOWN', `schema ${id} is not in the registry`)
      }
      return this.#open(topic, schema)
    })
  }

  async #open(topic: AdmissionTopic, text: string): Promise<WriterCodec> {
    const codec = avroCodec({
      topic: topic.definition.name,
      subject: topic.codec.subject,
      schema: parsed(text),
      registry: this.#registry,
    })
    const { id } = await codec.register()
    return { id, encodeJson: (json) => codec.encode(codec.fromJson(json)) }
  }

  #remembered(name: string, open: () => Promise<WriterCodec>): Promise<WriterCodec> {
    const known = this.#writers.get(name)
    if (known !== undefined) return known
    const opened = open()
    this.#writers.set(name, opened)
    opened.catch(() => this.#writers.delete(name))
    const [oldest] = this.#writers.keys()
    if (this.#writers.size > writersMax && oldest !== undefined) this.#writers.delete(oldest)
    return opened
  }
}

function parsed(text: string): object {
  try {
    const schema: unknown = JSON.parse(text)
    if (typeof schema === 'object' && schema !== null) return schema
    if (typeof schema === 'string') return { type: schema }
  } catch (thrown) {
    throw new TidemarkError('SCHEMA_INVALID', `the schema is not JSON: ${messageOf(thrown)}`)
  }
  throw new TidemarkError('SCHEMA_INVALID', 'a schema is a JSON object, array or name')
}
