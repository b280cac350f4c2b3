/** The records of the exactly-once driver. */

export interface Deposit {
  readonly account: string
  /** Unique over all deposits. */
  readonly sequence: number
  readonly amount: number
}

/** Which record an output follows from, and which start of which instance made it. */
export interface Origin {
  readonly source_partition: number
  readonly source_offset: number
  readonly made_by: string
}

export interface Balance {
  readonly count: number
  readonly total: number
}

export interface Entry extends Balance, Origin {
  readonly account: string
  readonly sequence: number
}

export interface Audit extends Balance, Origin {
  readonly sequence: number
}

export interface Account extends Balance {
  readonly account: string
  readonly event_time: number
  readonly known_at: number
}

/** A deposit's share in a bucket, on its way through the repartition topic. */
export interface Share {
  readonly bucket: number
  readonly sequence: number
  readonly amount: number
}

export interface Bucket extends Balance, Origin {
  readonly bucket: number
  readonly sequence: number
}

export const bucketCount = 23

export function deposit(balance: Balance | null, amount: number): Balance {
  return { count: (balance?.count ?? 0) + 1, total: (balance?.total ?? 0) + amount }
}
