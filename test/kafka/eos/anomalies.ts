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

/** Record by record, both ways: each that is expected is there, and each that is there is expected. */
function compare<Value extends { readonly source: string }>(
  topic: string,
  expected: ReadonlyMap<number, readonly Value[]>,
  made: readonly Placed<Value>[],
  tally: Tally,
): void {
  const partitions = new Set([...expected.keys(), ...made.map(({ partition }) => partition)])
  for (const partition of partitions) {
    const wanted = expected.get(partition) ?? []
    const found = made
      .filter((record) => record.partition === partition)
      .sort((left, right) => left.offset - right.offset)
    const length = Math.max(wanted.length, found.length)
    for (let index = 0; index < length; index += 1) {
      const want = wanted[index]
      const have = found[index]?.value
      if (isDeepStrictEqual(want, have)) continue
      const name = want?.source === have?.source ? 'wrong content' : 'wrong order'
      tally.note(
        name,
        `${topic}-${partition}[${index}]: wanted ${JSON.stringify(want)}, found ${JSON.stringify(have)}`,
      )
      // What follows a gap is out of step: one finding a partition tells enough.
      break
    }
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
