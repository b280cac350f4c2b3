/** A whole instance in a directory of its own, asked and told through its doors alone. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfiguration, type Configuration } from '../../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../../src/app/instance.ts'
import { systemClock, type Clock } from '../../../src/core/clock.ts'
import { partition, topicName, type ProducerRecord } from '../../../src/core/record.ts'
import type { RedriveOutcome, RedriveRequest } from '../../../src/server/console/console-app.ts'
import type { InstanceStatus } from '../../../src/server/console/instance-status.ts'

export const json = 'application/vnd.kafka.json.v2+json'
export const avro = 'application/vnd.kafka.avro.v2+json'
export const binary = 'application/vnd.kafka.binary.v2+json'
export const lines = 'application/x-ndjson'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

/** A row of `tidemark.quarantine`, bytes in hexadecimal, times as ClickHouse writes them. */
export interface QuarantineRow {
  readonly id: string
  readonly topic: string
  readonly partition: number | null
  readonly offset: number | null
  readonly check: string
  readonly level: string
  readonly reason: string
  readonly source: string
  readonly location: string | null
  readonly record_format: string
  readonly record_key: string | null
  readonly record_value: string | null
  readonly status: string
}

const idleMaxMs = 60_000
/** What the doors are asked about; with fewer an instance starts sooner. */
const topologies = ['mcq', 'exam-scores']

export class TestInstance {
  readonly instance: Instance
  readonly #directory: string | null

  private constructor(instance: Instance, directory: string | null) {
    this.instance = instance
    this.#directory = directory
  }

  /** `dataDir` absent: a new one, gone after `stop`. */
  static async open(
    flags: Partial<Record<keyof Configuration, unknown>> = {},
    clock: Clock = systemClock,
  ): Promise<TestInstance> {
    const own = flags.dataDir === undefined
    const directory = own ? await mkdtemp(join(tmpdir(), 'tidemark-doors-')) : null
    const configuration = loadConfiguration({
      flags: { dataDir: directory, topologies, workers: 0, commitIntervalMs: 20, ...flags },
      environment: {},
      directory: tmpdir(),
    })
    try {
      const instance = await openInstance(configuration, { listen: false, clock })
      return new TestInstance(instance, directory)
    } catch (thrown) {
      if (directory !== null) await rm(directory, { recursive: true, force: true })
      throw thrown
    }
  }

  async stop(): Promise<void> {
    await this.instance.stop()
    if (this.#directory !== null) await rm(this.#directory, { recursive: true, force: true })
  }

  async post(path: string, body: unknown, type = json): Promise<Answer> {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    return this.#ask('ingest', path, {
      method: 'POST',
      headers: { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) },
      body: text,
    })
  }

  async registry(path: string, body?: unknown): Promise<Answer> {
    if (body === undefined) return this.#ask('registry', path)
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    return this.#ask('registry', path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  async redrive(request: RedriveRequest): Promise<RedriveOutcome> {
    const { status, body } = await this.#ask('console', '/api/quarantine/redrive', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    if (status !== 200) throw new Error(`redrive: ${status} ${JSON.stringify(body)}`)
    return body as RedriveOutcome
  }

  async status(): Promise<InstanceStatus> {
    return (await this.#ask('console', '/api/status')).body as InstanceStatus
  }

  async metrics(): Promise<string> {
    return (await this.instance.apps.console.request('/metrics')).text()
  }

  /** Everything that was ingested before is queryable after. */
  async idle(): Promise<void> {
    const { body } = await this.#ask('console', `/api/idle?timeout_ms=${idleMaxMs}`)
    if (body.idle !== true) throw new Error(`not idle: ${JSON.stringify(await this.status())}`)
  }

  async rows<Row = Record<string, unknown>>(
    sql: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<readonly Row[]> {
    const query = new URLSearchParams({ default_format: 'JSON' })
    for (const [name, value] of Object.entries(parameters)) query.set(`param_${name}`, value)
    const response = await this.instance.apps.clickhouse.request(`/?${query.toString()}`, {
      method: 'POST',
      body: sql,
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(text)
    return (JSON.parse(text) as { data: Row[] }).data
  }

  async quarantine(): Promise<readonly QuarantineRow[]> {
    await this.idle()
    return this.rows<QuarantineRow>(
      `SELECT id, topic, partition, toInt32(offset) AS offset, check, level, reason, source, location,
         record_format, hex(record_key) AS record_key, hex(record_value) AS record_value, status
       FROM tidemark.quarantine ORDER BY topic, partition, offset, id`,
    )
  }

  /** Every row of every fact table, without the columns that say when it was computed. */
  async facts(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    await this.idle()
    const facts: Record<string, readonly unknown[]> = {}
    for (const { factTables } of this.instance.services.topologies) {
      for (const { database, table } of factTables) {
        facts[`${database}.${table}`] = await this.rows(
          `SELECT * EXCEPT (known_at, version) FROM ${database}.${table} ORDER BY ALL`,
        )
      }
    }
    return facts
  }

  /** As a producer writes that knows the log and not our doors. Returns the offset. */
  async appendForeign(
    topic: string,
    partitionNumber: number,
    ...records: readonly Partial<ProducerRecord>[]
  ): Promise<number> {
    const [result] = await this.instance.services.log.append([
      {
        topic: topicName(topic),
        partition: partition(partitionNumber),
        records: records.map((record) => ({ key: null, value: null, timestampMs: 0, ...record })),
      },
    ])
    return result!.baseOffset
  }

  /** How many records a topic holds. */
  async logEnd(topic: string): Promise<number> {
    const [description] = await this.instance.services.log.describeTopics([topicName(topic)])
    return description!.partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0)
  }

  async #ask(door: keyof Instance['apps'], path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await this.instance.apps[door].request(path, init)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    }
  }
}

export function ofValues(...values: readonly unknown[]): { records: { value: unknown }[] } {
  return { records: values.map((value) => ({ value })) }
}

export function ofBytes(...values: readonly Buffer[]): { records: { value: string }[] } {
  return { records: values.map((value) => ({ value: value.toString('base64') })) }
}

export const startMs = 1_700_000_000_000

export function answerEvent(student: string, index = 0): Record<string, unknown> {
  return {
    answer_id: `${student}-${index}`,
    student_id: student,
    question_id: `q${index}`,
    test_id: 't1',
    session_id: null,
    submitted_option: 'b',
    timestamp: startMs + 1000 * index,
  }
}
