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

type TopicIds = Pick<LogAdmin, 'topicIds'>

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

/** As of now: no reset comes while an instance runs. */
export async function factStarts(meta: MetaRecords, log: TopicIds): Promise<StateFrom> {
  const noted = new Map<string, TopicStart>()
  for (const { key, value } of await meta.load()) {
    if (!key.startsWith(prefix) || value === null) continue
    for (const [topic, start] of Object.entries(JSON.parse(value) as Starts)) {
      noted.set(topic, start)
    }
  }
  const names = [...noted.keys()] as TopicName[]
  const ids = names.length === 0 ? new Map<TopicName, string>() : await log.topicIds(names)
  return (topic, partition) => {
    const start = noted.get(topic)
    if (start === undefined || ids.get(topic) !== start.topicId) return null
    return (start.offsets[partition] ?? null) as Offset | null
  }
}
