/** The bodies of Kafka's REST proxy, v2: `{"records": [{"key", "value", "partition", "timestamp"}]}`. */
import { messageOf, type TidemarkError } from '../../core/errors.ts'
import type { AdmissionTopic, Content } from '../../quality/admission.ts'
import type { GivenKey } from '../../quality/record-key.ts'
import { SchemaRefusedError } from '../../schema/faults.ts'
import type { IngestRecord, Original } from '../../sources/ingest-port.ts'
import { restError } from './ingest-answers.ts'
import { recordValueBytes } from './record-bytes.ts'
import type { ProducerSchemas, WriterCodec } from './producer-schemas.ts'

export type Embedded = 'json' | 'avro' | 'binary'

interface Envelope {
  readonly records: readonly Record<string, unknown>[]
  readonly [name: string]: unknown
}

export interface ProduceRequest {
  readonly records: readonly IngestRecord[]
  readonly valueSchemaId: number | null
}

/** @throws TidemarkError REQUEST_INVALID, with the REST proxy's number */
export async function readProduceRequest(
  body: Buffer,
  embedded: Embedded,
  topic: AdmissionTopic,
  partition: number | undefined,
  recordsMax: number,
  schemas: ProducerSchemas,
): Promise<ProduceRequest> {
  const envelope = readEnvelope(body, recordsMax)
  const writer = embedded === 'avro' ? await writerOf(envelope, topic, schemas) : null
  const bytesOf = lazyValueBytes(body)
  const read = (record: Record<string, unknown>, index: number): IngestRecord => ({
    content: contentOf(record, embedded, writer),
    key: keyOf(record['key'], embedded),
    timestampMs: timestampOf(record['timestamp']),
    partition: partitionOf(record['partition'], partition),
    original: embedded === 'binary' ? undefined : () => originalOf(record, bytesOf(index)),
  })
  const records: IngestRecord[] = []
  for (const [index, record] of envelope.records.entries()) {
    if (typeof record !== 'object' || (record as unknown) === null) {
      throw invalid(`records[${index}] must be an object with a "value"`)
    }
    try {
      records.push(read(record, index))
    } catch (thrown) {
      if (thrown instanceof RangeError) throw invalid(`records[${index}].${thrown.message}`)
      throw thrown
    }
  }
  const { id } = writer ?? (await topic.codec.register())
  return { records, valueSchemaId: embedded === 'binary' ? null : id }
}

function readEnvelope(body: Buffer, recordsMax: number): Envelope {
  let envelope: unknown
  try {
    envelope = JSON.parse(body.toString('utf8'))
  } catch (thrown) {
    throw restError(400, 'REQUEST_INVALID', `the body is not JSON: ${messageOf(thrown)}`)
  }
  const records = (envelope as Partial<Envelope> | null)?.records
  if (!Array.isArray(records)) throw invalid('the body must be {"records": [{"value": …}, …]}')
  if (records.length === 0) throw invalid('"records" is empty')
  if (records.length > recordsMax) {
    const found = `${records.length} records, more than recordsMax, ${recordsMax}`
    throw restError(413, 'REQUEST_TOO_LARGE', `${found}; send smaller batches`)
  }
  return envelope as Envelope
}

async function writerOf(
  envelope: Envelope,
  topic: AdmissionTopic,
  schemas: ProducerSchemas,
): Promise<WriterCodec> {
  const { value_schema: schema, value_schema_id: id } = envelope
  const hasKeySchema = isGiven(envelope['key_schema']) || isGiven(envelope['key_schema_id'])
  if (!hasKeySchema && envelope.records.some((record) => isGiven(record['key']))) {
    const message = 'the records have keys: the request needs key_schema or key_schema_id'
    throw restError(42201, 'REQUEST_INVALID', message)
  }
  if (typeof schema === 'string') return schemas.bySchema(topic, schema)
  if (typeof id === 'number') return schemas.byId(topic, id)
  throw restError(42202, 'REQUEST_INVALID', 'the request needs value_schema or value_schema_id')
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function contentOf(
  record: Record<string, unknown>,
  embedded: Embedded,
  writer: WriterCodec | null,
): Content {
  const { value } = record
  if (value === undefined) {
    const reason = 'the record has no "value"; null deletes'
    return { form: 'unreadable', code: 'SCHEMA_REFUSED', faults: [{ path: '', reason }] }
  }
  if (embedded === 'json' || value === null) return { form: 'json', json: value }
  if (embedded === 'binary') return { form: 'framed', bytes: base64(value, 'value') }
  try {
    return { form: 'framed', bytes: (writer as WriterCodec).encodeJson(value) }
  } catch (thrown) {
    if (!(thrown instanceof SchemaRefusedError)) throw thrown
    return { form: 'unreadable', code: 'SCHEMA_REFUSED', faults: thrown.faults }
  }
}

function lazyValueBytes(body: Buffer): (index: number) => Buffer | null {
  let values: readonly (Buffer | null)[] | null = null
  return (index) => {
    values ??= recordValueBytes(body)
    return values[index] ?? null
  }
}

function originalOf({ key, ...record }: Record<string, unknown>, value: Buffer | null): Original {
  return {
    format: 'json',
    value: value ?? Buffer.from(JSON.stringify(record)),
    key: isGiven(key) ? Buffer.from(JSON.stringify(key)) : null,
  }
}

function keyOf(key: unknown, embedded: Embedded): GivenKey | undefined {
  if (key === undefined || key === null) return undefined
  if (embedded === 'binary') return { form: 'bytes', bytes: base64(key, 'key') }
  return { form: 'json', json: key }
}

function base64(text: unknown, what: string): Buffer {
  if (typeof text === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) {
    return Buffer.from(text, 'base64')
  }
  throw new RangeError(`${what} must be base64`)
}

function timestampOf(timestamp: unknown): number | undefined {
  if (timestamp === undefined || timestamp === null) return undefined
  if (Number.isSafeInteger(timestamp) && (timestamp as number) >= 0) return timestamp as number
  throw new RangeError('timestamp must be whole milliseconds since 1970')
}

function partitionOf(own: unknown, ofPath: number | undefined): number | undefined {
  if (own === undefined || own === null) return ofPath
  if (!Number.isSafeInteger(own) || (own as number) < 0) {
    throw new RangeError('partition must be a whole number from 0')
  }
  if (ofPath !== undefined && own !== ofPath) {
    throw new RangeError(`partition is ${own as number}, the path says ${ofPath}`)
  }
  return own as number
}

function invalid(message: string): TidemarkError {
  return restError(422, 'REQUEST_INVALID', message)
}
