/**
 * Ingest over HTTP: the produce API of Kafka's REST proxy, v2, and lines of JSON. An answer of 200 means durable.
 *
 * `?on_error=` says what happens to a batch in which the schema, the key or a check refuses a record:
 *  `refuse`      (default) nothing is taken; 422, or 413 where all are too large, with each record's field and reason;
 *  `quarantine`  the good are taken and the bad kept in quarantine, in one write; 200, each bad one with its error
 *                and its `quarantine_id` (none where it is too large to be kept: it was not taken at all);
 *  `skip`        the good are taken, the bad answered with their error; 200.
 */
import { Hono, type Context } from 'hono'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import type { AdmissionTopic } from '../../quality/admission.ts'
import {
  refusalPolicies,
  type IngestOptions,
  type IngestReport,
  type RefusalPolicy,
} from '../../sources/ingest-port.ts'
import type { LocalIngest } from '../../sources/ingest-records.ts'
import { readRemoteRecords, remoteRecordsType } from '../../sources/remote-records.ts'
import { answer, answerError, answerRefused, recordAnswer, restError } from './ingest-answers.ts'
import { defaultIngestLimits, type IngestLimits } from './ingest-limits.ts'
import { ingestLines } from './lines-request.ts'
import { ProducerSchemas } from './producer-schemas.ts'
import { readProduceRequest, type Embedded } from './produce-request.ts'
import { announcedBytes, bodyChunks, InFlightBytes, wholeBody } from './request-body.ts'

export interface BackPressure {
  readonly reason: string
  readonly retryAfterMs: number
}

export interface IngestAppOptions {
  readonly ingest: LocalIngest
  readonly registry: SchemaRegistry
  readonly log: Log
  readonly clock: Clock
  readonly limits?: Partial<IngestLimits>
  /** Why no records are taken now; null takes them. */
  readonly backPressure?: () => BackPressure | null
}

type BodyForm = Embedded | 'lines' | 'remote'

const forms: Readonly<Record<string, BodyForm>> = {
  'application/vnd.kafka.json.v2+json': 'json',
  'application/json': 'json',
  'application/vnd.kafka.avro.v2+json': 'avro',
  'application/vnd.kafka.binary.v2+json': 'binary',
  'application/vnd.kafka.v2+json': 'binary',
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
  'application/jsonl': 'lines',
  [remoteRecordsType]: 'remote',
}

/** What a body of lines holds at a time: the batch that is read and the one that is written. */
const linesInFlightBytes = 4 * 1024 * 1024

export function ingestApp(options: IngestAppOptions): Hono {
  const doors = new Doors(options)
  const app = new Hono()
  app.get('/', (context) => answer(context, { service: 'tidemark ingest', topics: '/topics' }))
  app.get('/topics', (context) => answer(context, [...options.ingest.topics.keys()].sort()))
  app.get('/topics/:topic', (context) => doors.describe(context))
  app.post('/topics/:topic', (context) => doors.produce(context))
  app.post('/topics/:topic/partitions/:partition', (context) => doors.produce(context))
  app.notFound((context) =>
    answer(context, { error_code: 404, message: `there is nothing at ${context.req.path}` }, 404),
  )
  app.onError((thrown, context) => answerError(context, thrown))
  return app
}

class Doors {
  readonly #options: IngestAppOptions
  readonly #limits: IngestLimits
  readonly #schemas: ProducerSchemas
  readonly #inFlight: InFlightBytes

  constructor(options: IngestAppOptions) {
    this.#options = options
    this.#limits = { ...defaultIngestLimits, ...options.limits }
    this.#schemas = new ProducerSchemas(options.registry)
    this.#inFlight = new InFlightBytes(this.#limits.inFlightBytesMax)
  }

  async describe(context: Context): Promise<Response> {
    const { definition } = this.#topic(context)
    const [description] = await this.#options.log.describeTopics([definition.name])
    return answer(context, {
      name: definition.name,
      configs: { 'cleanup.policy': definition.cleanupPolicy },
      partitions: (description?.partitions ?? []).map(({ partition }) => ({
        partition,
        leader: 0,
        replicas: [{ broker: 0, leader: true, in_sync: true }],
      })),
    })
  }

  async produce(context: Context): Promise<Response> {
    const form = formOf(context)
    const topic = this.#topic(context)
    const partition = await this.#partition(context)
    const options: IngestOptions = { onError: policyOf(context), source: 'ingest' }
    const pressure = this.#options.backPressure?.() ?? null
    if (pressure !== null) {
      throw restError(42901, 'BACK_PRESSURE', pressure.reason, pressure.retryAfterMs)
    }
    const { bodyBytesMax, streamBytesMax } = this.#limits
    const announced = announcedBytes(context, form === 'lines' ? streamBytesMax : bodyBytesMax)
    const release = this.#inFlight.reserve(
      form === 'lines' ? Math.min(announced, linesInFlightBytes) : announced,
    )
    try {
      if (form === 'lines') return await this.#lines(context, topic, partition, options)
      if (form === 'remote') return await this.#remote(context, topic, options)
      return await this.#batch(context, topic, partition, options, form)
    } finally {
      release()
    }
  }

  async #batch(
    context: Context,
    topic: AdmissionTopic,
    partition: number | undefined,
    options: IngestOptions,
    form: Embedded,
  ): Promise<Response> {
    const body = await wholeBody(context, this.#limits, this.#options.clock)
    const { recordsMax } = this.#limits
    const schemas = this.#schemas
    const request = await readProduceRequest(body, form, topic, partition, recordsMax, schemas)
    const { name } = topic.definition
    const report = await this.#options.ingest.ingest(name, request.records, options)
    if (isHeld(report, options)) return answerRefused(context, name, report)
    return answer(context, {
      offsets: report.outcomes.map(recordAnswer),
      key_schema_id: null,
      value_schema_id: request.valueSchemaId,
    })
  }

  async #lines(
    context: Context,
    topic: AdmissionTopic,
    partition: number | undefined,
    options: IngestOptions,
  ): Promise<Response> {
    const limits = this.#limits
    const { ingest, clock } = this.#options
    const { streamBytesMax, recordBytesMax } = limits
    const { status, body } = await ingestLines(bodyChunks(context, streamBytesMax, limits, clock), {
      ingest,
      topic,
      partition,
      options,
      recordBytesMax,
    })
    return answer(context, body, status)
  }

  /** For our own sources in other processes: answers the report itself. */
  async #remote(
    context: Context,
    topic: AdmissionTopic,
    { onError }: IngestOptions,
  ): Promise<Response> {
    const body = await wholeBody(context, this.#limits, this.#options.clock)
    const { source, records } = readRemoteRecords(body.toString('utf8'))
    const { name } = topic.definition
    return answer(context, await this.#options.ingest.ingest(name, records, { onError, source }))
  }

  #topic(context: Context): AdmissionTopic {
    return this.#options.ingest.topic(context.req.param('topic') ?? '')
  }

  async #partition(context: Context): Promise<number | undefined> {
    const text = context.req.param('partition')
    if (text === undefined) return undefined
    const topic = context.req.param('topic') ?? ''
    const partition = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    const count = await this.#options.ingest.partitionCount(topic)
    if (partition < count) return partition
    const message = `topic ${topic} has no partition ${text}; it has ${count}, from 0`
    throw restError(40402, 'PARTITION_UNKNOWN', message)
  }
}

function isHeld({ refused }: IngestReport, { onError }: IngestOptions): boolean {
  return onError === 'refuse' && refused > 0
}

function formOf(context: Context): BodyForm {
  const encoding = context.req.header('content-encoding') ?? 'identity'
  if (encoding !== 'identity') {
    const message = `content-encoding ${encoding} is not read; send the body as it is`
    throw restError(415, 'REQUEST_INVALID', message)
  }
  const header = context.req.header('content-type') ?? ''
  const form = forms[header.split(';')[0]?.trim().toLowerCase() ?? '']
  if (form !== undefined) return form
  const known = Object.keys(forms)
  const found = header === '' ? 'the request has no content-type' : `content-type ${header}`
  throw restError(415, 'REQUEST_INVALID', `${found}; send one of ${known.join(', ')}`)
}

function policyOf(context: Context): RefusalPolicy {
  const given = context.req.query('on_error') ?? 'refuse'
  const policy = refusalPolicies.find((each) => each === given)
  if (policy !== undefined) return policy
  const message = `on_error=${given}: one of ${refusalPolicies.join(', ')}`
  throw restError(422, 'REQUEST_INVALID', message)
}
