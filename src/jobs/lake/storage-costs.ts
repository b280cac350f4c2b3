/**
 * What a lake costs a month, by the prices that are set: they differ by region, and change, so there are none built in. What
 * is asked and read costs, too, and a file that goes early may cost its class’s least time: neither is counted here.
 */
import type { Dataset, Layer } from './places.ts'

/** What has no class, or none that is told: files of a directory. */
export const unclassed = 'UNCLASSED'

export interface StoredBytes {
  readonly layer: Layer
  readonly storage_class: string
  readonly files: number
  /** Metadata of days among them. */
  readonly bytes: number
  /** Null where the class has no price. */
  readonly month: number | null
}

export interface LakeCosts {
  /** By layer and class. */
  readonly stored: readonly StoredBytes[]
  /** Null where a class has no price. */
  readonly month: number | null
  readonly unpriced: readonly string[]
  /** How much less a month costs when the next days have passed; null where a class has no price. */
  readonly saved_by_retention: number | null
  readonly saved_by_colder_class: number | null
}

/** Bytes of a class that go, or that go to another one. */
export interface LeavingBytes extends Dataset {
  readonly bytesByClass: ReadonlyMap<string, number>
}

type Prices = ReadonlyMap<string, number>

const gibibyte = 1024 ** 3

/** @param held by layer, class of storage to files and bytes */
export function costsOf(
  held: ReadonlyMap<Layer, ReadonlyMap<string, { readonly files: number; readonly bytes: number }>>,
  prices: Prices,
  next: {
    readonly removed: readonly LeavingBytes[]
    readonly moved: readonly LeavingBytes[]
    readonly coldClass: string | null
  },
): LakeCosts {
  const stored = [...held].flatMap(([layer, classes]) =>
    [...classes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([storage_class, { files, bytes }]) => {
        const month = costOf(bytes, prices.get(storage_class))
        return { layer, storage_class, files, bytes, month }
      }),
  )
  const used = new Set(stored.map(({ storage_class }) => storage_class))
  const { removed, moved, coldClass } = next
  const coldPrice = coldClass === null ? undefined : prices.get(coldClass)
  const savedBy = (leaving: readonly LeavingBytes[], paidAfter: number | undefined) =>
    total(
      leaving.flatMap(({ bytesByClass }) =>
        [...bytesByClass].map(([name, bytes]) =>
          costOf(bytes, difference(prices.get(name), paidAfter)),
        ),
      ),
    )
  return {
    stored,
    month: total(stored.map(({ month }) => month)),
    unpriced: [...used].filter((name) => !prices.has(name)).sort(),
    saved_by_retention: savedBy(removed, 0),
    saved_by_colder_class: savedBy(moved, coldPrice),
  }
}

function costOf(bytes: number, price: number | undefined): number | null {
  return price === undefined ? null : (bytes / gibibyte) * price
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : before - after
}

function total(costs: readonly (number | null)[]): number | null {
  let sum = 0
  for (const cost of costs) {
    if (cost === null) return null
    sum += cost
  }
  return sum
}
