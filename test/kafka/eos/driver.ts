/**
 * The exactly-once driver: feeds deposits, lets faults strike while they are processed, and when all is quiet
 * again tells what is wrong with what was committed, in Kafka and in ClickHouse.
 */
import { pause, systemClock } from '../../../src/core/clock.ts'
import { partition } from '../../../src/core/record.ts'
import type { Partition, TopicName } from '../../../src/core/record.ts'
import type { ValueCodec } from '../../../src/core/serde.ts'
import type { TopicDefinition } from '../../../src/core/topic.ts'
import { openAvroCodec } from '../../../src/schema/avro-codec.ts'
import type { SchemaRegistry } from '../../../src/schema/schema-registry.ts'
import type { KafkaLog } from '../../../src/log/kafka/open-kafka-log.ts'
import { anomaliesOf } from './anomalies.ts'
import type { Anomalies, Outputs } from './anomalies.ts'
import { clickhouseDifferences } from './clickhouse-rows.ts'
import { ClickHouseWatch, type ClickHouseFindings } from './clickhouse-watch.ts'
import { feed } from './feed.ts'
import type { Fault, Stage } from './faults.ts'
import * as topics from './ledger-topology.ts'
import type { Account, Deposit } from './ledger-records.ts'
import { readBack } from './read-back.ts'
import { sourceOf } from './replay.ts'

export interface DriverOptions {
  readonly stage: Stage
  readonly log: KafkaLog
  readonly registry: SchemaRegistry
  readonly clickhouseUrl: string
  readonly faults: readonly Fault[]
  /** Told of what happens, for whoever watches. */
  readonly tell: (line: string) => void
}

export interface DriverReport {
  readonly deposits: number
  readonly struck: readonly string[]
  readonly anomalies: Anomalies
  /** When all is quiet: a line for each account whose row is not its last fact. */
  readonly clickhouse: readonly string[]
  /** While faults struck. */
  readonly clickhouseMeanwhile: ClickHouseFindings
  /** Where the entries lie that are committed, as our reader has it: `partition@offset`. */
  readonly entriesAt: readonly string[]
  /** Entries that were written and then aborted: what must not be read has been there. */
  readonly abortedRecords: number
  /** Ends of instances that nobody asked for. */
  readonly unwantedEnds: number
}

const aheadMax = 1_500
/** Committed between the end of one fault and the next: work goes on again. */
const depositsBetween = 300
const pollMs = 100
/** No progress for so long is a hang, and the run fails. */
const hangMs = 120_000

export async function runDriver(options: DriverOptions): Promise<DriverReport> {
  const { stage, log, registry, faults, tell } = options
  const codec = await openAvroCodec<Deposit>(codecOptions(topics.deposits, registry))
  const stopping = new AbortController()
  const watch = new Progress(log)
  const feeding = feed({
    log,
    codec,
    aheadMax,
    committed: () => watch.committed,
    signal: stopping.signal,
  })
  feeding.catch(() => undefined)
  const accountCodec = await openAvroCodec<Account>(codecOptions(topics.accounts.topic, registry))
  const clickhouse = new ClickHouseWatch({ url: options.clickhouseUrl, log, codec: accountCodec })
  clickhouse.start()
  const struck: string[] = []
  try {
    for (const [index, fault] of faults.entries()) {
      await watch.until(watch.committed + depositsBetween)
      tell(`${Math.round((100 * index) / faults.length)} %: ${fault.name}`)
      const strike = fault.strike(stage, (line) => {
        tell(`  ${line}`)
      })
      await Promise.all([strike, watch.until(watch.committed + 1, strike)])
      struck.push(fault.name)
    }
    await watch.until(watch.committed + depositsBetween)
  } finally {
    stopping.abort()
    await Promise.allSettled([feeding, clickhouse.stop()])
  }
  const total = await feeding
  await watch.until(total)
  await watch.untilOutputsEnd()
  const outputs = await committedOutputs(log, registry)
  return {
    deposits: total,
    struck,
    anomalies: withUnfed(anomaliesOf(outputs), outputs, total),
    clickhouse: await clickhouseDifferences(options.clickhouseUrl, log, accountCodec),
    clickhouseMeanwhile: await clickhouse.stop(),
    entriesAt: outputs.entries.map(({ partition, offset }) => sourceOf(partition, offset)),
    abortedRecords: await abortedRecords(log, topics.entries.name, outputs.entries.length),
    unwantedEnds: [...stage.instances, stage.guest].reduce((sum, { ends }) => sum + ends, 0),
  }
}

async function abortedRecords(log: KafkaLog, topic: TopicName, committed: number): Promise<number> {
  const written = await readBack(log, topic, () => null, 'read_uncommitted')
  return written.length - committed
}

/** The input itself went through the faults: each deposit is there once. */
function withUnfed(anomalies: Anomalies, { deposits }: Outputs, total: number): Anomalies {
  const seen = new Set(deposits.map(({ value }) => value.sequence))
  const lost = total - seen.size
  const duplicate = deposits.length - seen.size
  const { counts, examples } = anomalies
  return {
    counts: { ...counts, lost: counts.lost + lost, duplicate: counts.duplicate + duplicate },
    examples:
      lost + duplicate === 0
        ? examples
        : [...examples, `fed: ${lost} deposits lost, ${duplicate} twice`],
  }
}

/** How far the group has committed. */
class Progress {
  committed = 0
  readonly #log: KafkaLog

  constructor(log: KafkaLog) {
    this.#log = log
  }

  /** And until the work is done: who feeds goes on meanwhile. */
  async until(count: number, work: Promise<unknown> = Promise.resolve()): Promise<void> {
    const done = new AbortController()
    const end = () => {
      done.abort()
    }
    work.then(end, end)
    let lastMs = systemClock.monotonicMs()
    for (;;) {
      const before = this.committed
      this.committed = await this.#ask(topics.deposits.name)
      if (this.committed >= count && done.signal.aborted) return
      const nowMs = systemClock.monotonicMs()
      if (this.committed > before) lastMs = nowMs
      else if (nowMs - lastMs > hangMs) {
        throw new Error(
          `no progress for ${hangMs / 1000} s: ${this.committed} deposits are committed, ${count} are awaited`,
        )
      }
      await pause(systemClock, pollMs)
    }
  }

  /** The repartitioned shares are counted too, and the facts of all of it are in ClickHouse. */
  async untilOutputsEnd(): Promise<void> {
    const pairs = [
      ['eos', topics.repartitionTopic],
      ['eos-clickhouse', topics.accounts.topic.name],
    ] as const
    const giveUpMs = systemClock.monotonicMs() + hangMs
    for (;;) {
      const lags = await Promise.all(pairs.map(([group, topic]) => this.#lag(group, topic)))
      if (lags.every((lag) => lag === 0)) return
      if (systemClock.monotonicMs() > giveUpMs) {
        throw new Error(`still behind after ${hangMs / 1000} s: ${lags.join(' and ')} records`)
      }
      await pause(systemClock, pollMs)
    }
  }

  async #lag(group: string, topic: TopicName): Promise<number> {
    const [described] = await this.#log.describeTopics([topic])
    const committed = await this.#log.committedOffsets(group, partitionsOf(topic))
    return (described?.partitions ?? []).reduce(
      (sum, { partition: at, highWatermark }) => sum + highWatermark - (committed[at]?.offset ?? 0),
      0,
    )
  }

  /** Deposits carry no control records, so their offsets count them. */
  async #ask(topic: TopicName): Promise<number> {
    const offsets = await this.#log.committedOffsets('eos', partitionsOf(topic))
    return offsets.reduce((sum, position) => sum + (position?.offset ?? 0), 0)
  }
}

function partitionsOf(topic: TopicName): { topic: TopicName; partition: Partition }[] {
  return Array.from({ length: topics.partitionCount }, (_, index) => ({
    topic,
    partition: partition(index),
  }))
}

function codecOptions(topic: TopicDefinition<any, any>, registry: SchemaRegistry) {
  return { topic: topic.name, schema: topic.schema, registry }
}

async function committedOutputs(log: KafkaLog, registry: SchemaRegistry): Promise<Outputs> {
  const read = async <Value>(topic: TopicDefinition<any, Value>) => {
    const codec: ValueCodec<Value> = await openAvroCodec<Value>(codecOptions(topic, registry))
    return readBack(log, topic.name, (bytes) => codec.decode(bytes))
  }
  return {
    deposits: await read(topics.deposits),
    entries: await read(topics.entries),
    audits: await read(topics.audits),
    shares: await readBack(log, topics.repartitionTopic, topics.readShare),
    buckets: await read(topics.buckets),
  }
}
