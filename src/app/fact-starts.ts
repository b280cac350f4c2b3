/**
 * Facts stay when a topology is reset, and where they are a store's changelog its state would come back with them. So the
 * application's records say where in such a topic the state begins: behind what the reset has found there.
 */
import type { Offset, TopicName } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import type { StateFrom } from '../runtime/standby/open-cursors.ts'
import type { MetaRecords } from './meta-records.ts'

const prefix = 'state-from/'

/** By topic. */
type Starts = Readonly<Record<string, TopicStart>>

interface TopicStart {
  /** A topic that was deleted and made anew has another one, and none of the old records. */
  readonly topicId: string
  /** By partition. */
  readonly offsets: readonly number[]
}

type TopicIds = Pick<LogAdmin, 'topicIds' | 'topicNames'>

/** @param topics of the topology; they exist */
export async function noteFactStarts(
  meta: MetaRecords,
  log: Log & TopicIds,
  topology: string,
  topics: readonly TopicName[],
): Promise<void> {
  const described = await log.describeTopics(topics)
  const ids = await log.topicIds(topics)
  const starts: Starts = Object.fromEntries(
    described.map(({ name, partitions }) => [
      name,
      {
        topicId: ids.get(name) ?? '',
        offsets: partitions.map(({ highWatermark }) => Number(highWatermark)),
      },
    ]),
  )
  await meta.append([{ key: prefix + topology, value: JSON.stringify(starts) }])
}

/**
 * As of now: no reset comes while an instance runs.
 * @param metas of every application of this Kafka: topics are named after the topology, and whoever takes it over under
 * another name begins behind the resets of the one before
 */
export async function factStarts(
  metas: readonly Pick<MetaRecords, 'load'>[],
  log: TopicIds,
): Promise<StateFrom> {
  const noted: (readonly [topic: string, start: TopicStart])[] = []
  for (const meta of metas) {
    for (const { key, value } of await meta.load()) {
      if (!key.startsWith(prefix) || value === null) continue
      noted.push(...Object.entries(JSON.parse(value) as Starts))
    }
  }
  // A reset with its facts, or somebody, may have deleted one since: it is made anew, and has none of the old records.
  const existing = new Set<string>(noted.length === 0 ? [] : await log.topicNames())
  const topics = new Set(noted.map(([topic]) => topic))
  const names = [...topics].filter((name) => existing.has(name)) as TopicName[]
  const ids = names.length === 0 ? new Map<TopicName, string>() : await log.topicIds(names)
  return (topic, partition) => {
    // A topic only grows while it is the same one: the greatest is of the latest reset.
    const offsets = noted
      .filter(([name, { topicId }]) => name === topic && ids.get(topic) === topicId)
      .flatMap(([, start]) => start.offsets[partition] ?? [])
    return offsets.length === 0 ? null : (Math.max(...offsets) as Offset)
  }
}
