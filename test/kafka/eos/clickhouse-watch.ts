/**
 * Looks at ClickHouse again and again while faults strike. At each look, what readers are given must be what is
 * committed: every version of a row is a committed fact, word for word, and no fact is missing that the sink has
 * noted as written.
 */
import { partitionForKey } from '../../../src/core/partitioner.ts'
import { pause, systemClock } from '../../../src/core/clock.ts'
import { offset, partition } from '../../../src/core/record.ts'
import type { Offset } from '../../../src/core/record.ts'
import type { ValueCodec } from '../../../src/core/serde.ts'
import type { Log } from '../../../src/log/log.ts'
import type { Account } from './ledger-records.ts'
import { accounts, partitionCount } from './ledger-topology.ts'
import { accountVersions, type AccountVersion } from './clickhouse-rows.ts'
import { readSome } from './read-back.ts'

/** What is known of one partition of the fact topic. */
export interface CommittedFacts {
  /** Offset to content. */
  readonly facts: Map<number, string>
  /** By account, the offsets of its facts, in order. */
  readonly offsetsOf: Map<string, number[]>
  /** All before it is known. */
  known: Offset
}

/** How far a partition is, at a look. */
export interface PartitionEnds {
  /** Noted by the sink before ClickHouse was asked: everything before it is queryable. */
  readonly noted: number
  /** After ClickHouse was asked: the transactions before it have ended. */
  readonly lastStable: number
  /** After ClickHouse was asked: what is before it is written, perhaps in a transaction that is open. */
  readonly highWatermark: number
}

const everyMs = 1_000
const examplesMax = 10
/** A new leader knows for a moment less than was known before it. */
const secondLookMs = 500

export interface ClickHouseFindings {
  readonly looks: number
  /** Of versions of rows, over all looks. */
  readonly rowsCompared: number
  /** Looks for which ClickHouse or Kafka was away. */
  readonly missed: number
  readonly contradictions: readonly string[]
}

export interface ClickHouseWatchOptions {
  readonly url: string
  readonly log: Log
  readonly codec: ValueCodec<Account>
}

export class ClickHouseWatch {
  readonly #options: ClickHouseWatchOptions
  readonly #committed: readonly CommittedFacts[]
  readonly #contradictions: string[] = []
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  #looks = 0
  #rowsCompared = 0
  #missed = 0

  constructor(options: ClickHouseWatchOptions) {
    this.#options = options
    this.#committed = Array.from({ length: partitionCount }, noFacts)
  }

  /** Until `stop`. */
  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<ClickHouseFindings> {
    this.#stopping.abort()
    await this.#running
    return {
      looks: this.#looks,
      rowsCompared: this.#rowsCompared,
      missed: this.#missed,
      contradictions: this.#contradictions,
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.look()
      } catch {
        // One of the two is away, as faults will have it: the next look is as good.
        this.#missed += 1
      }
      await pause(systemClock, everyMs, signal)
    }
  }

  /** Once; resolves with what it has found. */
  async look(): Promise<readonly string[]> {
    const { url } = this.#options
    const noted = await this.#noted()
    const versions = await accountVersions(url)
    let found = await this.#compare(versions, noted)
    if (found.some(({ isOpen }) => isOpen)) {
      await pause(systemClock, secondLookMs)
      found = await this.#compare(versions, noted)
    }
    this.#looks += 1
    this.#rowsCompared += versions.length
    for (const { text } of found) {
      if (this.#contradictions.length < examplesMax) this.#contradictions.push(text)
    }
    return found.map(({ text }) => text)
  }

  async #compare(versions: readonly AccountVersion[], noted: readonly number[]) {
    const ends = await this.#readOn(noted)
    return contradictions(versions, this.#committed, ends)
  }

  async #noted(): Promise<readonly number[]> {
    const { name: topic } = accounts.topic
    const partitions = this.#committed.map((_, index) => ({ topic, partition: partition(index) }))
    const offsets = await this.#options.log.committedOffsets('eos-clickhouse', partitions)
    return offsets.map((position) => position?.offset ?? 0)
  }

  /** Whatever is committed by now becomes known. */
  async #readOn(noted: readonly number[]): Promise<readonly PartitionEnds[]> {
    const { log, codec } = this.#options
    const { name: topic } = accounts.topic
    const [described] = await log.describeTopics([topic])
    const ends: PartitionEnds[] = []
    for (const { partition: at, lastStableOffset, highWatermark } of described?.partitions ?? []) {
      const committed = this.#committed[at] ?? noFacts()
      while (committed.known < lastStableOffset) {
        const from = { topic, partition: at, offset: committed.known }
        committed.known = await readSome(log, from, 'read_committed', (where, bytes) => {
          noteFact(committed, where, codec.decode(bytes))
        })
      }
      ends[at] = { noted: noted[at] ?? 0, lastStable: committed.known, highWatermark }
    }
    return ends
  }
}

export function noFacts(): CommittedFacts {
  return { facts: new Map(), offsetsOf: new Map(), known: offset(0) }
}

export function noteFact(committed: CommittedFacts, at: number, fact: Account): void {
  committed.facts.set(at, contentOf(fact))
  const offsets = committed.offsetsOf.get(fact.account) ?? []
  if ((offsets.at(-1) ?? -1) < at) offsets.push(at)
  committed.offsetsOf.set(fact.account, offsets)
}

/** `isOpen`: it is told of a transaction that is open still, as far as the partition's leader knows. */
export function contradictions(
  versions: readonly AccountVersion[],
  committed: readonly CommittedFacts[],
  ends: readonly PartitionEnds[],
): { readonly text: string; readonly isOpen: boolean }[] {
  const found: { text: string; isOpen: boolean }[] = []
  const newest = new Map<string, number>()
  for (const { offset: at, ...version } of versions) {
    const { account } = version
    newest.set(account, Math.max(newest.get(account) ?? -1, at))
    const where = partitionOf(account)
    const end = ends[where]
    const fact = committed[where]?.facts.get(at)
    const row = `row ${contentOf(version)} of offset ${where}@${at}`
    if (end === undefined || at >= end.highWatermark) continue
    if (at >= end.lastStable) found.push({ text: `${row}: its transaction is open`, isOpen: true })
    else if (fact === undefined) found.push({ text: `${row}: no such fact`, isOpen: false })
    else if (fact !== contentOf(version)) {
      found.push({ text: `${row}: the fact is ${fact}`, isOpen: false })
    }
  }
  committed.forEach(({ offsetsOf }, where) => {
    const noted = ends[where]?.noted ?? 0
    for (const [account, offsets] of offsetsOf) {
      const wanted = offsets.findLast((at) => at < noted) ?? -1
      const have = newest.get(account) ?? -1
      if (have >= wanted) continue
      const text = `${account}: the sink has noted ${where}@${wanted}, and readers are given ${have}`
      found.push({ text, isOpen: false })
    }
  })
  return found
}

function partitionOf(account: string): number {
  return partitionForKey(accounts.topic.keySerde.serialize([account]), partitionCount)
}

function contentOf({
  account,
  count,
  total,
}: Pick<Account, 'account' | 'count' | 'total'>): string {
  return `${account}: count ${count}, total ${total}`
}
