/**
 * The log of a shadow: what the topology reads is the live log's, as far as a cut; topics that it makes, positions, groups
 * and transactions are its own. So the shadow runs as the live instance does, and nothing of that one is touched.
 */
import { assert, present } from '../../core/assert.ts'
import { pause, type Clock } from '../../core/clock.ts'
import type { TopicName, TopicPartition } from '../../core/record.ts'
import type { EncodedLog, FetchedBatches } from '../../log/encoded-log.ts'
import type {
  AppendResult,
  FetchedPartition,
  FetchPartition,
  FetchRequest,
  GroupMember,
  GroupMetadata,
  JoinGroupOptions,
  Log,
  PartitionDescription,
  PartitionOffset,
  PartitionRecords,
  TopicDescription,
  TopicSpec,
} from '../../log/log.ts'

/** The partitions of each topic that the shadow reads, ending where it does. */
export type Cut = ReadonlyMap<TopicName, readonly PartitionDescription[]>

/** The topics as they are now: what comes later is not the shadow's. */
export async function cutOf(live: Log, topics: readonly TopicName[]): Promise<Cut> {
  const described = await live.describeTopics(topics)
  return new Map(
    described.map(({ name, partitions }) => [
      name,
      partitions.map((at) => ({ ...at, highWatermark: at.lastStableOffset })),
    ]),
  )
}

/** Where batches cross threads as they are stored, the shadow's tasks run in workers. */
export function shadowLog(live: Log, own: EncodedLog, cut: Cut, clock: Clock): Log {
  const isOfOneFormat =
    'fetchEncoded' in live && (live as EncodedLog).batchFormat.name === own.batchFormat.name
  return isOfOneFormat
    ? new EncodedShadowLog(live as EncodedLog, own, cut, clock)
    : new ShadowLog(live, own, cut, clock)
}

interface Answered extends TopicPartition {
  readonly nextOffset: number
}

class ShadowLog<Live extends Log = Log> implements Log {
  readonly sharesState: boolean
  protected readonly live: Live
  protected readonly own: EncodedLog
  readonly #cut: Cut
  readonly #clock: Clock

  constructor(live: Live, own: EncodedLog, cut: Cut, clock: Clock) {
    this.sharesState = own.sharesState
    this.live = live
    this.own = own
    this.#cut = cut
    this.#clock = clock
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    await this.own.createTopics(
      specs.map((spec) => {
        const partitions = this.#cut.get(spec.name)
        return partitions === undefined ? spec : { ...spec, partitionCount: partitions.length }
      }),
    )
  }

  async describeTopics(names?: readonly TopicName[]): Promise<readonly TopicDescription[]> {
    const described = await this.own.describeTopics(names)
    return described.map((topic) => {
      const partitions = this.#cut.get(topic.name)
      return partitions === undefined ? topic : { ...topic, partitions }
    })
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const cutAt = (found: FetchedPartition, end: PartitionDescription): FetchedPartition => ({
      ...found,
      ...ends(found, end),
      records: found.records.filter(({ offset }) => offset < end.lastStableOffset),
    })
    return await this.fetchCut<FetchedPartition>(
      request,
      { live: (part) => this.live.fetch(part), own: (part) => this.own.fetch(part) },
      cutAt,
      () => ({ records: [] }),
    )
  }

  /** Of the live log what is before the cut; of the own whatever there is. In the order of the request. */
  protected async fetchCut<Found extends Answered>(
    request: FetchRequest,
    from: Readonly<Record<'live' | 'own', (part: FetchRequest) => Promise<readonly Found[]>>>,
    cutAt: (found: Found, end: PartitionDescription) => Found,
    nothing: (at: FetchPartition) => object,
  ): Promise<readonly Found[]> {
    const live: FetchPartition[] = []
    const own: FetchPartition[] = []
    const over: Found[] = []
    for (const at of request.partitions) {
      const end = this.#endOf(at)
      if (end === null) own.push(at)
      else if (at.offset < end.lastStableOffset) live.push(at)
      else {
        const { topic, partition, offset } = at
        const answer = { topic, partition, nextOffset: offset, ...nothing(at) }
        over.push({ ...answer, ...ends(answer, end) } as unknown as Found)
      }
    }
    const found = live.length === 0 ? [] : await from.live({ ...request, partitions: live })
    // Where a topic of the live log has more, nothing is waited for; where none has, the own log keeps the wait.
    const waitMaxMs = live.length === 0 ? request.waitMaxMs : 0
    const ownFound =
      own.length === 0 ? [] : await from.own({ ...request, partitions: own, waitMaxMs })
    if (over.length === request.partitions.length)
      await pause(this.#clock, waitMaxMs, request.signal)
    const cut = found.map((part) => cutAt(part, present(this.#endOf(part), part.topic)))
    const all = [...cut, ...over, ...ownFound]
    return request.partitions.map(({ topic, partition }) =>
      present(
        all.find((part) => part.topic === topic && part.partition === partition),
        `${topic}-${partition}`,
      ),
    )
  }

  #endOf({ topic, partition }: TopicPartition): PartitionDescription | null {
    const partitions = this.#cut.get(topic)
    return partitions === undefined ? null : present(partitions[partition], `${topic}-${partition}`)
  }

  async append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]> {
    for (const { topic } of batches) assert(!this.#cut.has(topic), `${topic} is only read here`)
    return await this.own.append(batches)
  }

  transactionalProducer(transactionalId: string) {
    return this.own.transactionalProducer(transactionalId)
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]> {
    return this.own.committedOffsets(groupId, partitions)
  }

  commitOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): Promise<void> {
    return this.own.commitOffsets(group, offsets)
  }

  joinGroup(options: JoinGroupOptions): Promise<GroupMember> {
    return this.own.joinGroup(options)
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.own.deleteRecords(before)
  }

  /** Both are their openers' to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}

class EncodedShadowLog extends ShadowLog<EncodedLog> implements EncodedLog {
  get batchFormat() {
    return this.own.batchFormat
  }

  async fetchEncoded(request: FetchRequest): Promise<readonly FetchedBatches[]> {
    const cutAt = (found: FetchedBatches, end: PartitionDescription): FetchedBatches => {
      const batches = found.batches.filter(({ baseOffset }) => baseOffset < end.lastStableOffset)
      // What was appended together became readable together.
      for (const { lastOffset } of batches)
        assert(lastOffset < end.lastStableOffset, 'a batch over the cut')
      return { ...found, ...ends(found, end), batches }
    }
    return await this.fetchCut<FetchedBatches>(
      request,
      { live: (part) => this.live.fetchEncoded(part), own: (part) => this.own.fetchEncoded(part) },
      cutAt,
      ({ offset }) => ({ batches: [], fetchOffset: offset }),
    )
  }
}

function ends<Found extends Answered>(found: Found, end: PartitionDescription) {
  const { logStartOffset, highWatermark, lastStableOffset } = end
  const nextOffset = Math.min(found.nextOffset, lastStableOffset) as typeof lastStableOffset
  return { nextOffset, logStartOffset, highWatermark, lastStableOffset }
}
