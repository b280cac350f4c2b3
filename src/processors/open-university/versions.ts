/**
 * The versions of one row: the latest as received, and the latest that passed its checks. Of two versions the later
 * stays, by the record's time and then by content, so that any order of them gives the same (law 1).
 */
import { avroSerde } from '../../schema/avro-serde.ts'

type Cells = readonly (string | null)[]

export interface Versions {
  /** Of the record, milliseconds since the epoch. */
  readonly latestMs: number
  /** In the order of the table's columns. */
  readonly latest: Cells
  readonly isLatestGood: boolean
  /** The latest that is good, where `latest` is not it. */
  readonly goodMs: number | null
  readonly good: Cells | null
}

export interface NextVersion {
  readonly ms: number
  readonly cells: Cells
  readonly isGood: boolean
}

export interface VersionChange {
  readonly versions: Versions
  readonly isRawChanged: boolean
  readonly isCleanChanged: boolean
  /** The clean row that was there. */
  readonly before: Cells | null
}

/** Null where the version has no effect, not even on what a later one is compared with. */
export function joinVersion(known: Versions | undefined, next: NextVersion): VersionChange | null {
  if (known === undefined) {
    const versions = asLatest(next, null)
    return { versions, isRawChanged: true, isCleanChanged: next.isGood, before: null }
  }
  const good = goodOf(known)
  const isLatest = isLater(next.ms, next.cells, known.latestMs, known.latest)
  const isLatestGood = next.isGood && (good === null || isLater(next.ms, next.cells, ...good))
  if (!isLatest && !isLatestGood) return null
  return {
    versions: isLatest
      ? asLatest(next, good)
      : { ...known, goodMs: next.ms, good: next.cells, isLatestGood: false },
    isRawChanged: isLatest && !isSame(next.cells, known.latest),
    isCleanChanged: isLatestGood && (good === null || !isSame(next.cells, good[1])),
    before: good?.[1] ?? null,
  }
}

function asLatest({ ms, cells, isGood }: NextVersion, good: Good | null): Versions {
  const kept = isGood ? null : good
  return {
    latestMs: ms,
    latest: cells,
    isLatestGood: isGood,
    goodMs: kept?.[0] ?? null,
    good: kept?.[1] ?? null,
  }
}

type Good = readonly [ms: number, cells: Cells]

function goodOf({ latestMs, latest, isLatestGood, goodMs, good }: Versions): Good | null {
  if (isLatestGood) return [latestMs, latest]
  return goodMs === null || good === null ? null : [goodMs, good]
}

function isLater(aMs: number, a: Cells, bMs: number, b: Cells): boolean {
  if (aMs !== bMs) return aMs > bMs
  return !isSame(a, b) && JSON.stringify(a) > JSON.stringify(b)
}

function isSame(a: Cells, b: Cells): boolean {
  return a.every((cell, index) => cell === b[index])
}

const cells = { type: 'array', items: ['null', 'string'] }

export const versionsSchema = {
  type: 'record',
  name: 'Versions',
  fields: [
    { name: 'latestMs', type: 'long' },
    { name: 'latest', type: cells },
    { name: 'isLatestGood', type: 'boolean' },
    { name: 'goodMs', type: ['null', 'long'] },
    { name: 'good', type: ['null', cells] },
  ],
}

export const versionsSerde = avroSerde<Versions>('row versions', 1, versionsSchema)
