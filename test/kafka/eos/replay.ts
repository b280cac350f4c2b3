/** The driver's topology again, in plain code: what the committed outputs must be, record by record. */
import { deposit } from './ledger-records.ts'
import type { Balance, Deposit, Share } from './ledger-records.ts'

/** A record as it was read back. */
export interface Placed<Value> {
  readonly partition: number
  readonly offset: number
  readonly value: Value
}

/** What an output must say, without who made it. */
export interface ExpectedEntry extends Balance {
  readonly account: string
  readonly sequence: number
  readonly source: string
}

export interface ExpectedBucket extends Balance {
  readonly bucket: number
  readonly sequence: number
  readonly source: string
}

export const sourceOf = (partition: number, offset: number): string => `${partition}@${offset}`

/** By partition, in the order of the partition's deposits. */
export function replayLedger(
  deposits: readonly Placed<Deposit>[],
): ReadonlyMap<number, readonly ExpectedEntry[]> {
  const balances = new Map<string, Balance>()
  return byPartition(deposits, ({ partition, offset, value }) => {
    const { account, sequence, amount } = value
    const balance = deposit(balances.get(account) ?? null, amount)
    balances.set(account, balance)
    return { account, sequence, ...balance, source: sourceOf(partition, offset) }
  })
}

/** By partition, in the order in which the shares came through the repartition topic. */
export function replayBuckets(
  shares: readonly Placed<Share>[],
): ReadonlyMap<number, readonly ExpectedBucket[]> {
  const balances = new Map<number, Balance>()
  return byPartition(shares, ({ partition, offset, value }) => {
    const { bucket, sequence, amount } = value
    const balance = deposit(balances.get(bucket) ?? null, amount)
    balances.set(bucket, balance)
    return { bucket, sequence, ...balance, source: sourceOf(partition, offset) }
  })
}

function byPartition<Value, Expected>(
  records: readonly Placed<Value>[],
  replay: (record: Placed<Value>) => Expected,
): ReadonlyMap<number, readonly Expected[]> {
  const expected = new Map<number, Expected[]>()
  const inOrder = [...records].sort(
    (left, right) => left.partition - right.partition || left.offset - right.offset,
  )
  for (const record of inOrder) {
    const ofPartition = expected.get(record.partition) ?? []
    ofPartition.push(replay(record))
    expected.set(record.partition, ofPartition)
  }
  return expected
}
