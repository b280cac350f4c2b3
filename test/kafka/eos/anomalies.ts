/**
 * What can be wrong with committed outputs, by name, each counted. The replay says what must be there; the
 * independent reader's offsets say what is committed.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Audit, Bucket, Deposit, Entry, Origin, Share } from './ledger-records.ts'
import { replayBuckets, replayLedger, sourceOf } from './replay.ts'
import type { Placed } from './replay.ts'

export interface Outputs {
  readonly deposits: readonly Placed<Deposit>[]
  readonly entries: readonly Placed<Entry>[]
  readonly audits: readonly Placed<Audit>[]
  readonly shares: readonly Placed<Share>[]
  readonly buckets: readonly Placed<Bucket>[]
}

export const anomalyNames = [
  'lost',
  'duplicate',
  'zombie write',
  'aborted read',
  'torn transaction',
  'wrong content',
  'wrong order',
] as const

export type AnomalyName = (typeof anomalyNames)[number]

export interface Anomalies {
  readonly counts: Readonly<Record<AnomalyName, number>>
  /** The first few of each, for the message. */
  readonly examples: readonly string[]
}

const examplesMax = 20

class Tally {
  readonly counts: Record<AnomalyName, number> = {
    lost: 0,
    duplicate: 0,
    'zombie write': 0,
    'aborted read': 0,
    'torn transaction': 0,
    'wrong content': 0,
    'wrong order': 0,
  }
  readonly examples: string[] = []

  note(name: AnomalyName, example: string): void {
    this.counts[name] += 1
    if (this.examples.length < examplesMax) this.examples.push(`${name}: ${example}`)
  }
}

export function anomaliesOf(outputs: Outputs): Anomalies {
  const tally = new Tally()
  const { deposits, entries, audits, shares, buckets } = outputs
  const known = new Set(deposits.map(({ partition, offset }) => sourceOf(partition, offset)))
  const entriesBySource = bySource('entry', entries, known, tally)
  const auditsBySource = bySource('audit', audits, known, tally)
  noteTornShares(outputs, tally)
  for (const source of known) {
    const hasEntry = entriesBySource.has(source)
    const hasAudit = auditsBySource.has(source)
    if (!hasEntry && !hasAudit) tally.note('lost', `deposit ${source}`)
    else if (hasEntry !== hasAudit) {
      tally.note('torn transaction', `deposit ${source}: ${hasEntry ? 'no audit' : 'no entry'}`)
    }
  }
  const knownShares = new Set(shares.map(({ partition, offset }) => sourceOf(partition, offset)))
  const bucketsBySource = bySource('bucket', buckets, knownShares, tally)
  for (const source of knownShares) {
    if (!bucketsBySource.has(source)) tally.note('lost', `share ${source}`)
  }
  compareLedger(outputs, tally)
  compareBuckets(outputs, tally)
  compareAudits(entriesBySource, auditsBySource, tally)
  return { counts: tally.counts, examples: tally.examples }
}

/** One output a source; more are duplicates, of another maker zombies; of no committed source: an aborted read. */
function bySource<Value extends Origin>(
  kind: string,
  records: readonly Placed<Value>[],
  known: ReadonlySet<string>,
  tally: Tally,
): Map<string, Value> {
  const found = new Map<string, Value>()
  for (const { value, partition, offset } of records) {
    const source = sourceOf(value.source_partition, value.source_offset)
    const where = `${kind} ${partition}@${offset} of ${source} by ${value.made_by}`
    const before = found.get(source)
    if (!known.has(source)) tally.note('aborted read', where)
    else if (before === undefined) found.set(source, value)
    else if (before.made_by === value.made_by) tally.note('duplicate', where)
    else tally.note('zombie write', `${where}, after ${before.made_by}`)
  }
  return found
}

/** The repartitioned share of each deposit is committed with its entry. */
function noteTornShares({ entries, shares }: Outputs, tally: Tally): void {
  const entered = new Set(entries.map(({ value }) => value.sequence))
  const shared = new Set<number>()
  for (const { value, partition, offset } of shares) {
    const where = `share ${partition}@${offset} of sequence ${value.sequence}`
    if (shared.has(value.sequence)) tally.note('duplicate', where)
    else if (!entered.has(value.sequence)) tally.note('torn transaction', `${where}: no entry`)
    shared.add(value.sequence)
  }
  for (const sequence of entered) {
    if (!shared.has(sequence)) tally.note('torn transaction', `sequence ${sequence}: no share`)
  }
}

function compareLedger({ deposits, entries }: Outputs, tally: Tally): void {
  const expected = replayLedger(deposits)
  const made = entries.map(({ partition, offset, value }) => ({
    partition,
    offset,
    value: {
      account: value.account,
      sequence: value.sequence,
      count: value.count,
      total: value.total,
      source: sourceOf(value.source_partition, value.source_offset),
    },
  }))
  compare('entries', expected, made, tally)
}

function compareBuckets({ shares, buckets }: Outputs, tally: Tally): void {
  const expected = replayBuckets(shares)
  const made = buckets.map(({ partition, offset, value }) => ({
    partition,
    offset,
    value: {
      bucket: value.bucket,
      sequence: value.sequence,
      count: value.count,
      total: value.total,
      source: sourceOf(value.source_partition, value.source_offset),
    },
  }))
  compare('buckets', expected, made, tally)
}

/** Record by record: each has the content that follows for it, in the partition and in the order of what it follows from.
 * That each is there, and once, is counted by its source. */
function compare<Value extends { readonly source: string }>(
  topic: string,
  expected: ReadonlyMap<number, readonly Value[]>,
  made: readonly Placed<Value>[],
  tally: Tally,
): void {
  const wanted = new Map<string, { partition: number; index: number; value: Value }>()
  for (const [partition, values] of expected) {
    for (const [index, value] of values.entries()) {
      wanted.set(value.source, { partition, index, value })
    }
  }
  const lastOf = new Map<number, number>()
  for (const { partition, offset, value } of made.toSorted(
    (one, other) => one.offset - other.offset,
  )) {
    const want = wanted.get(value.source)
    if (want === undefined) continue
    const where = `${topic}-${partition}@${offset} of ${value.source}`
    if (!isDeepStrictEqual(want.value, value)) {
      const texts = `wanted ${JSON.stringify(want.value)}, found ${JSON.stringify(value)}`
      tally.note('wrong content', `${where}: ${texts}`)
    }
    const last = lastOf.get(partition) ?? -1
    if (want.partition !== partition) {
      tally.note('wrong order', `${where}: belongs to partition ${want.partition}`)
    } else if (want.index < last) tally.note('wrong order', `${where}: comes after a later one`)
    else lastOf.set(partition, want.index)
  }
}

function compareAudits(
  entries: ReadonlyMap<string, Entry>,
  audits: ReadonlyMap<string, Audit>,
  tally: Tally,
): void {
  for (const [source, audit] of audits) {
    const entry = entries.get(source)
    if (entry === undefined) continue
    if (
      entry.made_by !== audit.made_by ||
      entry.count !== audit.count ||
      entry.total !== audit.total
    ) {
      tally.note('torn transaction', `deposit ${source}: entry and audit differ`)
    }
  }
}
