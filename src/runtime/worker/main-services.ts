/** What the main thread does for one worker: the log, the state and the registry, which it alone has open. */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicName, TopicPartition } from '../../core/record.ts'
import type { StateBackend, StateRange } from '../../core/state.ts'
import type { FetchedBatches } from '../../log/fetcher.ts'
import type {
  AppendResult,
  FetchRequest,
  GroupMetadata,
  Log,
  Transaction,
  TransactionalProducer,
} from '../../log/log.ts'
import type { EncodedRecords } from '../../log/stored-transaction.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { packFetched, unpackChanges, unpackReads } from './messages.ts'
import type { CommitBody, CommittedBody, FetchBody, PackedChanges } from './messages.ts'
import { Packer, Unpacker } from './packing.ts'
import type { Packed, RequestHandler } from './rpc.ts'

interface EncodedTransaction extends Transaction {
  sendEncoded(records: EncodedRecords): void
}

interface EncodedProducer extends TransactionalProducer {
  begin(): EncodedTransaction
}

/** A log whose batches cross threads as they are stored. */
export interface EncodedLog extends Log {
  fetchEncoded(request: FetchRequest): Promise<readonly FetchedBatches[]>
  transactionalProducer(transactionalId: string): Promise<EncodedProducer>
}

/** @throws TidemarkError CONFIGURATION_INVALID */
export function encodedLog(log: Log): EncodedLog {
  if (log.sharesState && 'fetchEncoded' in log) return log as EncodedLog
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    'workers need a log that is stored in this process; set workers to 0',
  )
}

export interface MainServicesOptions {
  readonly log: EncodedLog
  readonly state: StateBackend
  readonly registry: Pick<SchemaRegistry, 'register' | 'schemaById'>
  readonly clock: Clock
  readonly groupOf: (topologyName: string) => GroupMetadata
  /** Looked at with every request, because a worker cannot. */
  readonly refreshPause: () => void
}

export class MainServices {
  readonly #options: MainServicesOptions
  readonly #producers = new Map<number, EncodedProducer>()
  #lastProducer = 0

  constructor(options: MainServicesOptions) {
    this.#options = options
  }

  /** By method. */
  handlers(): Readonly<Record<string, RequestHandler>> {
    const { log, registry } = this.#options
    return {
      fetch: (body: FetchBody, signal) => this.#fetch(body, signal),
      read: (body: PackedChanges) => this.#read(body),
      scan: (body: StateRange) => this.#scan(body),
      commit: (body: CommitBody) => this.#commit(body),
      writeState: async (body: PackedChanges) => {
        await this.#options.state.write(unpackChanges(body))
        return { body: null }
      },
      openProducer: async (id: string) => ({ body: await this.#openProducer(id) }),
      closeProducer: async (producer: number) => {
        await this.#producers.get(producer)?.close()
        this.#producers.delete(producer)
        return { body: null }
      },
      describeTopics: async (names: readonly TopicName[] | null) => ({
        body: await log.describeTopics(names ?? undefined),
      }),
      committedOffsets: async (asked: {
        readonly groupId: string
        readonly partitions: readonly TopicPartition[]
      }) => ({ body: await log.committedOffsets(asked.groupId, asked.partitions) }),
      schemaById: async (id: number) => ({ body: await registry.schemaById(id) }),
      register: async (asked: { readonly subject: string; readonly schema: string | object }) => ({
        body: await registry.register(asked.subject, asked.schema),
      }),
    }
  }

  async #fetch(body: FetchBody, signal: AbortSignal): Promise<Packed> {
    this.#options.refreshPause()
    const isolation = 'read_committed'
    const fetched = await this.#options.log.fetchEncoded({ ...body, isolation, signal })
    const packed = packFetched(fetched)
    return { body: packed, transfer: [packed.batches] }
  }

  async #read(body: PackedChanges): Promise<Packed> {
    const values = await this.#options.state.readMany(unpackReads(body))
    const packer = new Packer(values.length * 128)
    for (const value of values) packer.add(value)
    const packed = packer.finish()
    return { body: packed, transfer: [packed] }
  }

  async #scan(range: StateRange): Promise<Packed> {
    const { from, to, ...rest } = range
    const entries = await this.#options.state.scan({
      ...rest,
      ...(from === undefined ? {} : { from: asBuffer(from) }),
      ...(to === undefined ? {} : { to: asBuffer(to) }),
    })
    const packer = new Packer(entries.length * 128)
    for (const { key, value } of entries) {
      packer.add(key)
      packer.add(value)
    }
    const packed = packer.finish()
    return { body: packed, transfer: [packed] }
  }

  async #openProducer(transactionalId: string): Promise<number> {
    const producer = await this.#options.log.transactionalProducer(transactionalId)
    this.#lastProducer += 1
    this.#producers.set(this.#lastProducer, producer)
    return this.#lastProducer
  }

  async #commit(body: CommitBody): Promise<Packed> {
    this.#options.refreshPause()
    const producer = present(this.#producers.get(body.producer), `producer ${body.producer}`)
    const transaction = producer.begin()
    try {
      fill(transaction, body)
      if (body.group !== null) {
        const group = this.#options.groupOf(body.group.groupId)
        transaction.sendOffsets(group, body.offsets)
      }
      const results = firstOfEachSend(await transaction.commit(), body)
      return { body: { results } satisfies CommittedBody }
    } catch (thrown) {
      await transaction.abort()
      throw thrown
    }
  }

  async close(): Promise<void> {
    for (const producer of this.#producers.values()) await producer.close()
    this.#producers.clear()
  }
}

function fill(transaction: EncodedTransaction, { sends, batches, state }: CommitBody): void {
  const unpacker = new Unpacker(batches)
  for (const { topic, partition, recordCounts } of sends) {
    for (const recordCount of recordCounts) {
      transaction.sendEncoded({ topic, partition, recordCount, batch: unpacker.nextBytes() })
    }
  }
  if (state !== null) transaction.writeState(unpackChanges(state))
}

function firstOfEachSend(results: readonly AppendResult[], { sends }: CommitBody): AppendResult[] {
  let next = 0
  return sends.map(({ recordCounts }) => {
    const first = present(results[next], 'the result of a batch')
    next += recordCounts.length
    return first
  })
}

/** A Buffer arrives as the Uint8Array that it is. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
