/**
 * Positions that live with a task's state: a reserved store of (name -> offset), eight big-endian bytes each.
 * The group's offsets have one place a partition, so what several tasks read each for itself (broadcast topics) has its
 * place here, in the same commit.
 */
import { storeName } from '../core/record.ts'
import type { Offset, Partition, StoreName, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import type { StateBackend, StateChange } from '../core/state.ts'

/** No store of a user starts so. */
export const reservedPrefix = '__'

export function broadcastPositionsStore(subTopology: number): StoreName {
  return storeName(`${reservedPrefix}broadcast-positions-${subTopology}`)
}

/** As versions up to 0.1.0 called the store of a sub-topology's checkpoints (`earlier-checkpoints.ts`). */
export function earlierCheckpointsStore(subTopology: number): StoreName {
  return storeName(`${reservedPrefix}changelog-positions-${subTopology}`)
}

export class PositionsStore {
  readonly #state: StateBackend
  readonly #store: StoreName
  readonly #partition: Partition

  constructor(state: StateBackend, store: StoreName, partition: Partition) {
    this.#state = state
    this.#store = store
    this.#partition = partition
  }

  /** Null where none was committed. */
  async read(names: readonly string[]): Promise<readonly (Offset | null)[]> {
    const address = { store: this.#store, partition: this.#partition }
    const values = await this.#state.readMany(
      names.map((name) => ({ ...address, key: Buffer.from(name) })),
    )
    return values.map((bytes) =>
      bytes === null ? null : (Number(bytes.readBigUInt64BE()) as Offset),
    )
  }

  change(name: string, offset: Offset): StateChange {
    const value = Buffer.alloc(8)
    value.writeBigUInt64BE(BigInt(offset))
    return { store: this.#store, partition: this.#partition, key: Buffer.from(name), value }
  }
}

export function positionName(at: TopicPartition): string {
  return topicPartitionId(at)
}
