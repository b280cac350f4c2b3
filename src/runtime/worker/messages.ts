/** What a worker and the main thread say to each other. Plain data: it is cloned or transferred. */
import type { Offset, Partition, StoreName, TopicName, TopicPartition } from '../../core/record.ts'
import type { StateAddress, StateChange, StateRead } from '../../core/state.ts'
import type { AppendResult, FetchPartition, GroupMetadata, PartitionOffset } from '../../log/log.ts'
import type { BatchFormat, FetchedBatches } from '../../log/encoded-log.ts'
import type { RuntimeLimits } from '../limits.ts'
import type { TaskStatus } from '../runtime-status.ts'
import type { SentChangelog } from '../state-keeper.ts'
import type { TaskPlan } from '../task-plan.ts'
import { packedBytes, Packer, Unpacker } from './packing.ts'

/** The worker's `workerData`. */
export interface WorkerSetup {
  readonly index: number
  readonly topologyModules: readonly string[]
  readonly codecsModule: string
  readonly limits: RuntimeLimits
  readonly partitionCounts: readonly (readonly [TopicName, number])[]
  readonly stateCacheBytesMax: number
  readonly sharesState: boolean
  readonly batchFormat: BatchFormat
  /** One float64: until when input is paused, as `Clock.nowMs`; 0 is not. */
  readonly pausedUntil: SharedArrayBuffer
  /** One float64: `Log.lastRetryMs`; 0 is never. */
  readonly lastRetry: SharedArrayBuffer
}

/** Requests to a worker. */
export interface StartRequest {
  readonly plans: readonly TaskPlan[]
}

export interface StopRequest {
  readonly ids: readonly string[]
}

/** Requests of a worker. */
export interface FetchBody {
  readonly partitions: readonly FetchPartition[]
  readonly bytesMax: number
  readonly bytesPerPartitionMax: number
  readonly waitMaxMs: number
}

export interface FetchedBody {
  readonly partitions: readonly (Omit<FetchedBatches, 'batches'> & {
    readonly batchCount: number
  })[]
  /** By partition: for each batch its offsets relative to the fetch offset, then its bytes. */
  readonly batches: ArrayBuffer
}

export interface CommitBody {
  readonly producer: number
  readonly sends: readonly (TopicPartition & { readonly recordCounts: readonly number[] })[]
  /** The encoded batches of all sends, in order, each in a buffer of its own, which is transferred as it is. */
  readonly batches: readonly ArrayBuffer[]
  /** Part of the transaction, or, with `after`, written once it is committed. */
  readonly state: PackedChanges | null
  /** On a log that does not share its storage with the state. */
  readonly after: { readonly taskId: string; readonly changelogs: readonly SentChangelog[] } | null
  readonly offsets: readonly PartitionOffset[]
  readonly group: GroupMetadata | null
}

export interface CommittedBody {
  readonly results: readonly AppendResult[]
}

export interface PackedChanges {
  readonly addresses: readonly StateAddress[]
  /** For each change: the index of its address, its key, its value. */
  readonly bytes: ArrayBuffer
}

export interface StatusBody {
  readonly index: number
  readonly tasks: readonly TaskStatus[]
}

class AddressBook {
  readonly addresses: StateAddress[] = []
  #last = -1

  indexOf(store: StoreName, partition: Partition): number {
    const last = this.addresses[this.#last]
    if (last?.store === store && last.partition === partition) return this.#last
    this.#last = this.addresses.findIndex(
      (address) => address.store === store && address.partition === partition,
    )
    if (this.#last === -1) this.#last = this.addresses.push({ store, partition }) - 1
    return this.#last
  }
}

export function packChanges(changes: readonly StateChange[]): PackedChanges {
  const book = new AddressBook()
  let bytes = 0
  for (const { key, value } of changes)
    bytes += packedBytes(null) + packedBytes(key) + packedBytes(value)
  const packer = new Packer(bytes)
  for (const { store, partition, key, value } of changes) {
    packer.addNumber(book.indexOf(store, partition))
    packer.add(key)
    packer.add(value)
  }
  return { addresses: book.addresses, bytes: packer.finish() }
}

export function unpackChanges({ addresses, bytes }: PackedChanges): StateChange[] {
  const unpacker = new Unpacker(bytes)
  const changes: StateChange[] = []
  while (!unpacker.isAtEnd) {
    const { store, partition } = addressAt(addresses, unpacker.nextNumber())
    changes.push({ store, partition, key: unpacker.nextBytes(), value: unpacker.next() })
  }
  return changes
}

/** As changes, without the values. */
export function packReads(reads: readonly StateRead[]): PackedChanges {
  const book = new AddressBook()
  let bytes = 0
  for (const { key } of reads) bytes += packedBytes(null) + packedBytes(key)
  const packer = new Packer(bytes)
  for (const { store, partition, key } of reads) {
    packer.addNumber(book.indexOf(store, partition))
    packer.add(key)
  }
  return { addresses: book.addresses, bytes: packer.finish() }
}

export function unpackReads({ addresses, bytes }: PackedChanges): StateRead[] {
  const unpacker = new Unpacker(bytes)
  const reads: StateRead[] = []
  while (!unpacker.isAtEnd) {
    const { store, partition } = addressAt(addresses, unpacker.nextNumber())
    reads.push({ store, partition, key: unpacker.nextBytes() })
  }
  return reads
}

function addressAt(addresses: readonly StateAddress[], index: number): StateAddress {
  const address = addresses[index]
  if (address === undefined) throw new RangeError(`packed state: address ${index} is not there`)
  return address
}

export function packFetched(fetched: readonly FetchedBatches[]): FetchedBody {
  let bytes = 0
  for (const { batches } of fetched) {
    for (const batch of batches) bytes += 2 * packedBytes(null) + packedBytes(batch.bytes)
  }
  const packer = new Packer(bytes)
  const partitions = fetched.map(({ batches, ...rest }) => {
    for (const batch of batches) {
      // The first batch may begin before the offset that was asked for.
      packer.addNumber(batch.baseOffset - rest.fetchOffset)
      packer.addNumber(batch.lastOffset - rest.fetchOffset)
      packer.add(batch.bytes)
    }
    return { ...rest, batchCount: batches.length }
  })
  return { partitions, batches: packer.finish() }
}

export function unpackFetched({ partitions, batches }: FetchedBody): FetchedBatches[] {
  const unpacker = new Unpacker(batches)
  return partitions.map(({ batchCount, ...rest }) => ({
    ...rest,
    batches: Array.from({ length: batchCount }, () => ({
      baseOffset: (rest.fetchOffset + unpacker.nextNumber()) as Offset,
      lastOffset: (rest.fetchOffset + unpacker.nextNumber()) as Offset,
      bytes: unpacker.nextBytes(),
    })),
  }))
}
