/**
 * What happens to instances in production, once each, while deposits come in steadily: stopped, started, killed, one
 * more, one less, all rolled. Two of the three are static members, as pods of a stateful set are; the third and the
 * guest are not.
 */
import { partitionForKey } from '../../src/core/partitioner.ts'
import { pause, systemClock as clock } from '../../src/core/clock.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { ValueCodec } from '../../src/core/serde.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import { openAvroCodec } from '../../src/schema/avro-codec.ts'
import { anomaliesOf, type Anomalies } from './eos/anomalies.ts'
import { depositOf } from './eos/feed.ts'
import type { Deposit } from './eos/ledger-records.ts'
import * as ledger from './eos/ledger-topology.ts'
import { readBack } from './eos/read-back.ts'
import type { Member } from './instances-member.ts'
import {
  InstancesStage,
  ledgerPartitions,
  type Happening,
  type InstancesOptions,
} from './instances-stage.ts'

export interface StoryOptions extends InstancesOptions {
  /** Told of what has happened, for whoever watches. */
  readonly tell: (happening: Happening) => void
}

export interface Story {
  readonly happenings: readonly Happening[]
  readonly deposits: number
  readonly anomalies: Anomalies
}

const depositsPerBatch = 10
/** A pause cannot be seen more sharply than this. */
const batchIntervalMs = 20
const quietMs = 3_000
const drainPollMs = 100
const drainMaxMs = 60_000

export async function tellStory(options: StoryOptions): Promise<Story> {
  const stage = await InstancesStage.open(options)
  const feeding = new AbortController()
  try {
    const happenings: Happening[] = []
    const first = [
      stage.member('instance-0', { isStatic: true }),
      stage.member('instance-1', { isStatic: true }),
      stage.member('instance-2', { isStatic: false }),
    ] as const
    // The first makes the topics.
    for (const member of first) await member.start()
    const fed = feed(stage, feeding.signal)
    fed.catch(() => undefined)
    stage.watch()
    await stage.settled('the start')
    await stage.grown()
    for (const [name, act] of plot(first, stage.member('guest', { isStatic: false }))) {
      const happening = await stage.happen(name, act)
      options.tell(happening)
      happenings.push(happening)
    }
    feeding.abort()
    const deposits = await fed
    await drained(stage, deposits)
    return { happenings, deposits, anomalies: await anomaliesIn(stage) }
  } finally {
    feeding.abort()
    await stage.close()
  }
}

function plot(
  [zero, one, two]: readonly [Member, Member, Member],
  guest: Member,
): (readonly [string, () => Promise<void>])[] {
  const stop = (member: Member) => () => member.end('SIGTERM')
  const kill = (member: Member) => () => member.end('SIGKILL')
  const start = (member: Member) => () => member.start()
  const roll = (member: Member) => async () => {
    await member.end('SIGTERM')
    await member.start()
  }
  return [
    ['quiet', () => pause(clock, quietMs)],
    ['SIGTERM of one', stop(two)],
    ['it comes back', start(two)],
    ['SIGKILL of one', kill(two)],
    ['it comes back after the kill', start(two)],
    ['SIGKILL of a static one', kill(one)],
    ['it comes back after that', start(one)],
    ['a fourth is added', start(guest)],
    ['the fourth leaves', stop(guest)],
    ['roll of the first', roll(zero)],
    ['roll of the second', roll(one)],
    ['roll of the third', roll(two)],
  ]
}

/** Resolves with how many deposits were acknowledged. */
async function feed({ log, registry }: InstancesStage, signal: AbortSignal): Promise<number> {
  const codec = await openAvroCodec<Deposit>(codecOptions(ledger.deposits, registry))
  let fed = 0
  while (!signal.aborted) {
    const records = Array.from({ length: depositsPerBatch }, (_, index) => {
      const value = depositOf(fed + index)
      return {
        key: ledger.deposits.keySerde.serialize([value.account]),
        value: codec.encode(value),
        timestampMs: clock.nowMs(),
      }
    })
    const byPartition = Map.groupBy(records, ({ key }) =>
      partitionForKey(key, ledger.partitionCount),
    )
    await log.append(
      [...byPartition].map(([partition, some]) => ({
        topic: ledger.deposits.name,
        partition,
        records: some,
      })),
    )
    fed += depositsPerBatch
    await pause(clock, batchIntervalMs, signal)
  }
  return fed
}

async function drained({ log }: InstancesStage, deposits: number): Promise<void> {
  const at = (topic: TopicName) => ledgerPartitions.map((partition) => ({ topic, partition }))
  const endMs = clock.monotonicMs() + drainMaxMs
  for (;;) {
    const taken = await log.committedOffsets('eos', at(ledger.deposits.name))
    const [shares] = await log.describeTopics([ledger.repartitionTopic])
    const counted = await log.committedOffsets('eos', at(ledger.repartitionTopic))
    const isTaken = taken.reduce((sum, each) => sum + (each?.offset ?? 0), 0) >= deposits
    const areCounted = (shares?.partitions ?? []).every(
      ({ highWatermark }, index) => highWatermark === (counted[index]?.offset ?? 0),
    )
    if (isTaken && areCounted) return
    if (clock.monotonicMs() > endMs) throw new Error('the instances do not come to an end')
    await pause(clock, drainPollMs)
  }
}

async function anomaliesIn({ log, registry }: InstancesStage): Promise<Anomalies> {
  const read = async <Value>(topic: TopicDefinition<any, Value>) => {
    const codec: ValueCodec<Value> = await openAvroCodec<Value>(codecOptions(topic, registry))
    return readBack(log, topic.name, (bytes) => codec.decode(bytes))
  }
  return anomaliesOf({
    deposits: await read(ledger.deposits),
    entries: await read(ledger.entries),
    audits: await read(ledger.audits),
    shares: await readBack(log, ledger.repartitionTopic, ledger.readShare),
    buckets: await read(ledger.buckets),
  })
}

function codecOptions(
  topic: TopicDefinition<any, any>,
  registry: InstancesStage['registry'],
): Parameters<typeof openAvroCodec>[0] {
  return { topic: topic.name, schema: topic.schema, registry }
}
