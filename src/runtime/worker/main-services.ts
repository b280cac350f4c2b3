/** What the main thread does for one worker: the log, the state and the registry, which it alone has open. */
import { present } from '../../core/assert.ts'
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicName, TopicPartition } from '../../core/record.ts'
import type { StateBackend, StateRange } from '../../core/state.ts'
import type { EncodedLog, EncodedProducer, EncodedTransaction } from '../../log/encoded-log.ts'
import type { AppendResult, GroupMetadata, Log } from '../../log/log.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { mayCommitAgain } from '../commit-membership.ts'
import { isCommittedWithoutState } from '../state-keeper.ts'
import type { StateKeeper } from '../state-keeper.ts'
import { packFetched, unpackChanges, unpackReads } from './messages.ts'
import type { CommitBody, CommittedBody, FetchBody, PackedChanges } from './messages.ts'
import { packedBytes, Packer } from './packing.ts'
import type { Packed, RequestHandler } from './rpc.ts'

/** @throws TidemarkError CONFIGURATION_INVALID */
export function encodedLog(log: Log): EncodedLog {
  if ('fetchEncoded' in log) return log as EncodedLog
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    'workers need a log whose batches cross threads; set workers to 0',
  )
}

export interface MainServicesOptions {
  readonly log: EncodedLog
  readonly state: StateBackend
  readonly registry: Pick<SchemaRegistry, 'register' | 'schemaById'>
  readonly clock: Clock
  /** Null where the log shares its storage with the state. */
  readonly stateKeeper: StateKeeper | null
  readonly groupOf: (topologyName: string, taskId: string) => GroupMetadata
  /** Looked at with every request, because a worker cannot. */
  readonly refreshPause: () => void
}

export class MainServices {
  readonly #options: MainServicesOptions
  readonly #producers = new Map<
    number,
    { readonly producer: EncodedProducer; readonly id: string }
  >()
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
      restore: async (taskId: string, signal) => {
        const keeper = present(this.#options.stateKeeper, 'the keeper of state')
        return { body: await keeper.restore(taskId, signal) }
      },
      writeState: async (body: PackedChanges) => {
        await this.#options.state.write(unpackChanges(body))
        return { body: null }
      },
      openProducer: async (id: string) => ({ body: await this.#openProducer(id) }),
      closeProducer: async (producer: number) => {
        await this.#producers.get(producer)?.producer.close()
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
    const packer = new Packer(values.reduce((bytes, value) => bytes + packedBytes(value), 0))
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
    let bytes = 0
    for (const { key, value } of entries) bytes += packedBytes(key) + packedBytes(value)
    const packer = new Packer(bytes)
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
    this.#producers.set(this.#lastProducer, { producer, id: transactionalId })
    return this.#lastProducer
  }

  async #commit(body: CommitBody): Promise<Packed> {
    this.#options.refreshPause()
    const { producer, id } = present(
      this.#producers.get(body.producer),
      `producer ${body.producer}`,
    )
    const groupNow = () => this.#options.groupOf(present(body.group, 'a group').groupId, id)
    for (;;) {
      const group = body.group === null ? null : groupNow()
      const transaction = producer.begin()
      try {
        fill(transaction, body, group)
        const results = await this.#commitAndWrite(transaction, body)
        return { body: { results: firstOfEachSend(results, body) } satisfies CommittedBody }
      } catch (thrown) {
        if (isCommittedWithoutState(thrown)) throw thrown
        await transaction.abort()
        if (group === null || !mayCommitAgain(thrown, group, groupNow)) throw thrown
      }
    }
  }

  async #commitAndWrite(
    transaction: EncodedTransaction,
    body: CommitBody,
  ): Promise<readonly AppendResult[]> {
    if (body.after === null) return transaction.commit()
    const { taskId, changelogs } = body.after
    const changes = body.state === null ? [] : unpackChanges(body.state)
    const firsts = firstBatchOfEachSend(body)
    const after = {
      taskId,
      changes,
      changelogs: changelogs.map((sent) =>
        'offset' in sent ? sent : { ...sent, send: present(firsts[sent.send], 'a send') },
      ),
    }
    const keeper = present(this.#options.stateKeeper, 'the keeper of state')
    return keeper.commit(transaction, after, () => undefined)
  }

  async close(): Promise<void> {
    for (const { producer } of this.#producers.values()) await producer.close()
    this.#producers.clear()
  }
}

function fill(
  transaction: EncodedTransaction,
  { sends, batches, state, after, offsets }: CommitBody,
  group: GroupMetadata | null,
): void {
  let next = 0
  for (const { topic, partition, recordCounts } of sends) {
    for (const recordCount of recordCounts) {
      const batch = Buffer.from(present(batches[next++], 'a batch of a send'))
      transaction.sendEncoded({ topic, partition, recordCount, batch })
    }
  }
  if (state !== null && after === null) transaction.writeState(unpackChanges(state))
  if (group !== null) transaction.sendOffsets(group, offsets)
}

/** Which of the transaction's batches is the first of each send. */
function firstBatchOfEachSend({ sends }: CommitBody): number[] {
  let next = 0
  return sends.map(({ recordCounts }) => {
    const first = next
    next += recordCounts.length
    return first
  })
}

function firstOfEachSend(results: readonly AppendResult[], body: CommitBody): AppendResult[] {
  return firstBatchOfEachSend(body).map((first) => present(results[first], 'a batch result'))
}

/** A Buffer arrives as the Uint8Array that it is. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
