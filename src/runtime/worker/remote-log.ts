/**
 * The log and the state as a worker has them: requests to the main thread, which owns the storage. Batches are
 * encoded and decoded here, so that the main thread only moves bytes.
 */
import { assert } from '../../core/assert.ts'
import type { TopicName, TopicPartition } from '../../core/record.ts'
import type {
  StateBackend,
  StateChange,
  StateEntry,
  StateRange,
  StateRead,
} from '../../core/state.ts'
import { TidemarkError } from '../../core/errors.ts'
import type {
  AppendResult,
  FetchedPartition,
  FetchPartition,
  FetchRequest,
  GroupMember,
  GroupMetadata,
  Log,
  PartitionOffset,
  PartitionRecords,
  TopicDescription,
  Transaction,
  TransactionalProducer,
} from '../../log/log.ts'
import { batchCodec } from '../../log/batch-codec.ts'
import type { BatchCodec, FetchedBatches } from '../../log/encoded-log.ts'
import type { RestoreStep, StateAfterCommit, StateKeeper } from '../state-keeper.ts'
import { FetchedAhead } from './fetched-ahead.ts'
import { packChanges, packReads, unpackFetched } from './messages.ts'
import type { CommitBody, CommittedBody, FetchBody, FetchedBody, WorkerSetup } from './messages.ts'
import { Unpacker } from './packing.ts'
import type { Rpc } from './rpc.ts'

const batchBytesMax = 256 * 1024

export class RemoteLog implements Log {
  readonly sharesState: boolean
  readonly #rpc: Rpc
  readonly #codec: BatchCodec
  readonly #lastRetry: Float64Array
  readonly #ahead = new WeakMap<AbortSignal, FetchedAhead>()

  constructor(rpc: Rpc, of: Pick<WorkerSetup, 'sharesState' | 'batchFormat' | 'lastRetry'>) {
    this.#rpc = rpc
    this.#lastRetry = new Float64Array(of.lastRetry)
    this.sharesState = of.sharesState
    this.#codec = batchCodec(of.batchFormat)
  }

  get lastRetryMs(): number | null {
    return this.#lastRetry[0] || null
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { bytesMax, bytesPerPartitionMax, recordsPerPartitionMax = Infinity, signal } = request
    const ahead = this.#aheadOf(signal)
    const found: FetchedBatches[] = []
    const partitions: FetchPartition[] = []
    for (const partition of request.partitions) {
      const kept = ahead.take(partition)
      if (kept === null) partitions.push(partition)
      else found.push(kept)
    }
    if (partitions.length > 0) {
      const waitMaxMs = found.length > 0 ? 0 : request.waitMaxMs
      const body: FetchBody = { partitions, bytesMax, bytesPerPartitionMax, waitMaxMs }
      found.push(...unpackFetched(await this.#rpc.request<FetchedBody>('fetch', { body }, signal)))
    }
    return found.map((each) => ahead.decode(each, recordsPerPartitionMax))
  }

  /** What is kept for a reader goes with its signal. */
  #aheadOf(signal: AbortSignal | undefined): FetchedAhead {
    const known = signal === undefined ? undefined : this.#ahead.get(signal)
    if (known !== undefined) return known
    const ahead = new FetchedAhead(this.#codec)
    if (signal !== undefined) this.#ahead.set(signal, ahead)
    return ahead
  }

  describeTopics(names?: readonly TopicName[]): Promise<readonly TopicDescription[]> {
    return this.#rpc.request('describeTopics', { body: names ?? null })
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]> {
    return this.#rpc.request('committedOffsets', { body: { groupId, partitions } })
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    const producer = await this.#rpc.request<number>('openProducer', { body: transactionalId })
    return {
      begin: () => new RemoteTransaction(this.#rpc, this.#codec, producer),
      close: () => this.#rpc.request('closeProducer', { body: producer }),
    }
  }

  createTopics(): Promise<void> {
    throw notHere('createTopics')
  }

  append(): Promise<readonly AppendResult[]> {
    throw notHere('append')
  }

  commitOffsets(): Promise<void> {
    throw notHere('commitOffsets')
  }

  joinGroup(): Promise<GroupMember> {
    throw notHere('joinGroup')
  }

  deleteRecords(): Promise<void> {
    throw notHere('deleteRecords')
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function notHere(what: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', `${what} is the main thread's, not a worker's`)
}

/** A batch is as large as its buffer, where its encoder has made it so. */
function ownBuffer({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
}

/** Gathers everything and sends it with `commit`, in one message. */
class RemoteTransaction implements Transaction {
  readonly #rpc: Rpc
  readonly #codec: BatchCodec
  readonly #producer: number
  readonly #sends: CommitBody['sends'][number][] = []
  readonly #batches: ArrayBuffer[] = []
  #changes: StateChange[] = []
  #offsets: PartitionOffset[] = []
  #group: GroupMetadata | null = null

  constructor(rpc: Rpc, codec: BatchCodec, producer: number) {
    this.#rpc = rpc
    this.#codec = codec
    this.#producer = producer
  }

  send({ topic, partition, records }: PartitionRecords): void {
    const recordCounts: number[] = []
    for (const { bytes, recordCount } of this.#codec.encode(records, batchBytesMax)) {
      recordCounts.push(recordCount)
      this.#batches.push(ownBuffer(bytes))
    }
    this.#sends.push({ topic, partition, recordCounts })
  }

  sendOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void {
    this.#group = group
    this.#offsets.push(...offsets)
  }

  writeState(changes: readonly StateChange[]): void {
    this.#changes = this.#changes.concat(changes)
  }

  commit(): Promise<readonly AppendResult[]> {
    return this.#commit(this.#changes, null)
  }

  /** One message for both: the main thread writes the state once the transaction is committed. */
  commitAndWrite(after: StateAfterCommit): Promise<readonly AppendResult[]> {
    const { taskId, changes, changelogs } = after
    return this.#commit(changes, { taskId, changelogs })
  }

  async #commit(
    changes: readonly StateChange[],
    after: CommitBody['after'],
  ): Promise<readonly AppendResult[]> {
    const state = changes.length === 0 ? null : packChanges(changes)
    const body: CommitBody = {
      producer: this.#producer,
      sends: this.#sends,
      batches: this.#batches,
      state,
      after,
      offsets: this.#offsets,
      group: this.#group,
    }
    const transfer = state === null ? this.#batches : [...this.#batches, state.bytes]
    const { results } = await this.#rpc.request<CommittedBody>('commit', { body, transfer })
    return results
  }

  /** Nothing was sent before the commit. */
  abort(): Promise<void> {
    return Promise.resolve()
  }
}

export class RemoteStateKeeper implements StateKeeper {
  readonly #rpc: Rpc

  constructor(rpc: Rpc) {
    this.#rpc = rpc
  }

  restore(taskId: string, signal: AbortSignal): Promise<RestoreStep> {
    return this.#rpc.request('restore', { body: taskId }, signal)
  }

  async commit(
    transaction: Transaction,
    after: StateAfterCommit,
    onCommitted: () => void,
  ): Promise<readonly AppendResult[]> {
    assert(transaction instanceof RemoteTransaction, 'a worker commits over the main thread')
    const results = await transaction.commitAndWrite(after)
    onCommitted()
    return results
  }
}

export class RemoteState implements StateBackend {
  readonly #rpc: Rpc

  constructor(rpc: Rpc) {
    this.#rpc = rpc
  }

  async readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    const body = packReads(reads)
    const transfer = [body.bytes]
    const values = new Unpacker(await this.#rpc.request<ArrayBuffer>('read', { body, transfer }))
    return reads.map(() => values.next())
  }

  async scan(range: StateRange): Promise<readonly StateEntry[]> {
    const packed = new Unpacker(await this.#rpc.request<ArrayBuffer>('scan', { body: range }))
    const entries: StateEntry[] = []
    while (!packed.isAtEnd) entries.push({ key: packed.nextBytes(), value: packed.nextBytes() })
    return entries
  }

  async write(changes: readonly StateChange[]): Promise<void> {
    const body = packChanges(changes)
    await this.#rpc.request('writeState', { body, transfer: [body.bytes] })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
