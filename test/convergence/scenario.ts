/**
 * A case of the convergence law: a set of events, and one way in which they reach the log. The facts must follow
 * from the set alone.
 */
import fc from 'fast-check'

export interface SourceEvent {
  readonly topic: string
  readonly value: Readonly<Record<string, unknown>>
  /** Of the record, milliseconds since the epoch. */
  readonly timestampMs: number
}

export interface Case {
  readonly set: readonly SourceEvent[]
  readonly delivery: Delivery
}

export interface Delivery {
  /** Every event of the set at least once. */
  readonly events: readonly SourceEvent[]
  readonly partitionCount: number
  /** How many records are processed between two commits. */
  readonly batchRecords: number
  /** Indexes of events after which everything so far is processed. */
  readonly runAfter: readonly number[]
}

export function casesOf(
  sets: fc.Arbitrary<SourceEvent[]>,
  isReferenceData: (event: SourceEvent) => boolean = () => false,
): fc.Arbitrary<Case> {
  return sets.chain((set) =>
    deliveries(set, isReferenceData).map((delivery) => ({ set, delivery })),
  )
}

/** Permuted, some events delivered again, over 1, 3 or 8 partitions, in batches of any size. */
export function deliveries(
  set: readonly SourceEvent[],
  isReferenceData: (event: SourceEvent) => boolean,
): fc.Arbitrary<Delivery> {
  const all = fc.shuffledSubarray([...set], { minLength: set.length, maxLength: set.length })
  const again = fc.shuffledSubarray([...set])
  return fc
    .record({
      all,
      again,
      order: fc.constantFrom('mixed', 'reference-last', 'again-last'),
      partitionCount: fc.constantFrom(1, 3, 8),
      batchRecords: fc.constantFrom(1, 2, 5, 1000),
      runAfter: fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 6 }),
    })
    .map(({ all, again, order, partitionCount, batchRecords, runAfter }) => {
      const events = [...all, ...again]
      if (order === 'mixed') interleave(events, all.length)
      if (order === 'reference-last') {
        events.sort((a, b) => Number(isReferenceData(a)) - Number(isReferenceData(b)))
      }
      return { events, partitionCount, batchRecords, runAfter }
    })
}

/** Spreads the repeated events over the first ones, the same way every time. */
function interleave(events: SourceEvent[], first: number): void {
  const repeated = events.splice(first)
  repeated.forEach((event, index) => {
    events.splice((index * 7919) % (events.length + 1), 0, event)
  })
}
