/**
 * Feeds deposits while the instances work, steadily and never far ahead of what they have committed, so that whatever
 * strikes strikes while work is under way.
 */
import { partitionForKey } from '../../../src/core/partitioner.ts'
import type { Log, PartitionRecords } from '../../../src/log/log.ts'
import type { ValueCodec } from '../../../src/core/serde.ts'
import { deposits, partitionCount } from './ledger-topology.ts'
import type { Deposit } from './ledger-records.ts'
import { pause, systemClock } from '../../../src/core/clock.ts'

export interface FeedOptions {
  readonly log: Log
  readonly codec: ValueCodec<Deposit>
  /** Deposits that may wait to be processed. */
  readonly aheadMax: number
  /** Committed by the instances. */
  readonly committed: () => number
  /** Ends the feed, after the batch that is under way. */
  readonly signal: AbortSignal
}

const accountCount = 211
const batchSize = 50
/** At most a batch in so long. */
const intervalMs = 100

/** Appends deposits 0, 1, 2, …, each once. Resolves with how many are acknowledged. */
export async function feed(options: FeedOptions): Promise<number> {
  const { log, codec, aheadMax, committed, signal } = options
  let fed = 0
  while (!signal.aborted) {
    if (fed - committed() <= aheadMax) {
      const sequences = Array.from({ length: batchSize }, (_, index) => fed + index)
      await log.append(batches(sequences.map(depositOf), codec))
      fed += batchSize
    }
    await pause(systemClock, intervalMs, signal)
  }
  return fed
}

/** Known beforehand, all of them. */
export function depositOf(sequence: number): Deposit {
  const account = `account-${(sequence * 7_919) % accountCount}`
  return { account, sequence, amount: 1 + (sequence % 97) }
}

function batches(values: readonly Deposit[], codec: ValueCodec<Deposit>): PartitionRecords[] {
  const byPartition = Map.groupBy(
    values.map((value) => ({
      key: deposits.keySerde.serialize([value.account]),
      value: codec.encode(value),
      timestampMs: 1_700_000_000_000 + value.sequence,
    })),
    ({ key }) => partitionForKey(key, partitionCount),
  )
  return [...byPartition].map(([partition, records]) => ({
    topic: deposits.name,
    partition,
    records,
  }))
}
