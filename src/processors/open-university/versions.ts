/**
 * The versions of one row: what counts as received, and what counts of those that passed their checks. Any order of
 * versions gives the same (law 1):
 *
 *  1. Of two rows of one file the greater row number counts, whenever they came; of one row the later, then the greater
 *     content.
 *  2. A file came when the last of its rows did. Of files, and of versions of no file, the latest counts, then the
 *     greater content.
 *
 * What other files say is therefore kept beside what counts: should more of such a file come later, it is its greatest row
 * that counts. A version of no file that came before another has no such second life.
 */
import { avroSerde, type EarlierLayout } from '../../schema/avro-serde.ts'

type Cells = readonly (string | null)[]

/** A row of a file; the file is known by its content. */
export interface RowPlace {
  readonly file: string
  /** From 1. */
  readonly row: number
}

interface Version {
  /** When it came; of a file, when the last of its rows did. Milliseconds since the epoch, of the record. */
  readonly ms: number
  /** Null: of no file. */
  readonly place: (RowPlace & { readonly rowMs: number }) | null
  /** In the order of the table's columns. */
  readonly cells: Cells
}

export interface Versions {
  /** The first counts; behind it what other files say, the latest first. */
  readonly received: readonly Version[]
  /** Likewise of those that are good; null where that is the same. */
  readonly good: readonly Version[] | null
}

export interface NextVersion {
  readonly ms: number
  readonly place: RowPlace | null
  readonly cells: Cells
  readonly isGood: boolean
}

export interface VersionChange {
  readonly versions: Versions
  /** The row as received; null where it is as it was. */
  readonly raw: Cells | null
  /** The clean row; null where it is as it was. */
  readonly clean: Cells | null
  /** The clean row that was there. */
  readonly before: Cells | null
}

/** Files that one row is remembered of; the earliest is forgotten. Only where more than these have a row twice, and parts of
 * them are read again, does their order matter. */
const filesMax = 4
const none: readonly Version[] = []

/** Null where the version has no effect, not even on what a later one is compared with. */
export function joinVersion(known: Versions | undefined, next: NextVersion): VersionChange | null {
  const receivedBefore = known?.received ?? none
  const goodBefore = known?.good ?? receivedBefore
  const received = joined(receivedBefore, next)
  const isGoodTheSame = goodBefore === receivedBefore && next.isGood
  const good = isGoodTheSame ? received : next.isGood ? joined(goodBefore, next) : goodBefore
  if (received === receivedBefore && good === goodBefore) return null
  const before = goodBefore[0]?.cells ?? null
  return {
    versions: { received, good: isGoodTheSame || areEqual(good, received) ? null : good },
    raw: changed(receivedBefore[0]?.cells ?? null, received),
    clean: changed(before, good),
    before,
  }
}

function changed(before: Cells | null, [now]: readonly Version[]): Cells | null {
  if (now === undefined || (before !== null && isSame(now.cells, before))) return null
  return now.cells
}

/** The same array where nothing changes. */
function joined(known: readonly Version[], next: NextVersion): readonly Version[] {
  const index = known.findIndex(({ place }) => place?.file === next.place?.file)
  const own = known[index]
  const version = own === undefined ? versionOf(next) : later(own, next)
  if (version === own) return known
  const all = known.filter((_, at) => at !== index)
  const place = all.findIndex((each) => isLater(version, each))
  all.splice(place === -1 ? all.length : place, 0, version)
  const latestMs = all[0]?.ms ?? version.ms
  const kept = all.filter(({ ms, place }) => ms === latestMs || place !== null).slice(0, filesMax)
  return kept.length === known.length && kept.every((each, at) => each === known[at]) ? known : kept
}

function versionOf({ ms, place, cells }: NextVersion): Version {
  return { ms, place: place === null ? null : { ...place, rowMs: ms }, cells }
}

/** Of one file, or both of none; `known` itself where nothing changes. */
function later(known: Version, next: NextVersion): Version {
  const version = versionOf(next)
  if (known.place === null || version.place === null) {
    return isLater(version, known) ? version : known
  }
  const ms = Math.max(known.ms, next.ms)
  if (isGreaterRow(version.place, version.cells, known.place, known.cells))
    return { ...version, ms }
  return ms === known.ms ? known : { ...known, ms }
}

type Place = NonNullable<Version['place']>

function isGreaterRow(a: Place, aCells: Cells, b: Place, bCells: Cells): boolean {
  if (a.row !== b.row) return a.row > b.row
  if (a.rowMs !== b.rowMs) return a.rowMs > b.rowMs
  return !isSame(aCells, bCells) && isGreater(aCells, bCells)
}

function isLater(a: Version, b: Version): boolean {
  if (a.ms !== b.ms) return a.ms > b.ms
  if (!isSame(a.cells, b.cells)) return isGreater(a.cells, b.cells)
  // They say the same; which of them stands first must not depend on their order either.
  return (a.place?.file ?? '') > (b.place?.file ?? '')
}

function isGreater(a: Cells, b: Cells): boolean {
  return JSON.stringify(a) > JSON.stringify(b)
}

function isSame(a: Cells, b: Cells): boolean {
  return a.every((cell, index) => cell === b[index])
}

function areEqual(a: readonly Version[], b: readonly Version[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** `FILE:ROW`; anything else is of no file. */
export function placeOf(text: string | null | undefined): RowPlace | null {
  const match = /^([^:]+):(\d{1,15})$/.exec(text ?? '')
  const [, file, row] = match ?? []
  return file === undefined ? null : { file, row: Number(row) }
}

const cells = { type: 'array', items: ['null', 'string'] }
const place = {
  type: 'record',
  name: 'Place',
  fields: [
    { name: 'file', type: 'string' },
    { name: 'row', type: 'long' },
    { name: 'rowMs', type: 'long' },
  ],
}
const version = {
  type: 'record',
  name: 'Version',
  fields: [
    { name: 'ms', type: 'long' },
    { name: 'place', type: ['null', place] },
    { name: 'cells', type: cells },
  ],
}

export const versionsSchema = {
  type: 'record',
  name: 'Versions',
  fields: [
    { name: 'received', type: { type: 'array', items: version } },
    { name: 'good', type: ['null', { type: 'array', items: 'Version' }] },
  ],
}

/** Of versions that did not know of which file a row is. */
export interface EarlierVersions {
  readonly latestMs: number
  readonly latest: Cells
  readonly isLatestGood: boolean
  readonly goodMs: number | null
  readonly good: Cells | null
}

export const earlierVersionsSchema = {
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

export function upgradeVersions(earlier: EarlierVersions): Versions {
  const { latestMs, latest, isLatestGood, goodMs, good } = earlier
  const ofNoFile = (ms: number, cells: Cells): Version => ({ ms, place: null, cells })
  const received = [ofNoFile(latestMs, latest)]
  if (isLatestGood) return { received, good: null }
  return { received, good: goodMs === null || good === null ? [] : [ofNoFile(goodMs, good)] }
}

const earlierLayout: EarlierLayout<Versions> = {
  layout: 1,
  schema: earlierVersionsSchema,
  upgrade: upgradeVersions,
}

export const versionsSerde = avroSerde<Versions>('row versions', 2, versionsSchema, [earlierLayout])
