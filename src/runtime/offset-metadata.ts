import type { TopicPartition } from '../core/record.ts'
import type { PartitionOffset } from '../log/log.ts'

/** What is kept beside a committed offset: the task's stream time. */
interface OffsetMetadata {
  /** Null before the first record: JSON has no infinity. */
  readonly streamTimeMs: number | null
}

/** A committed offset that another program has set, with a note of its own beside it. */
export interface ForeignOffset extends TopicPartition {
  readonly metadata: string
}

const unknown = Symbol('metadata of another program')
/** Of another program's metadata so much is shown. */
const shownCharactersMax = 60

export function offsetMetadata(streamTimeMs: number): string {
  return JSON.stringify({ streamTimeMs } satisfies OffsetMetadata)
}

/** The latest that is told beside the offsets. Anybody may set the offsets of a group, and write there what he likes:
 * what is not ours says nothing of the stream time, and is told of. */
export function committedStreamTime(
  committed: readonly (PartitionOffset | null)[],
  told: { foreignOffsets: readonly ForeignOffset[] },
): number {
  let latestMs = -Infinity
  const foreign: ForeignOffset[] = []
  for (const found of committed) {
    if (found === null) continue
    const { topic, partition, metadata = '' } = found
    const streamTimeMs = streamTimeIn(metadata)
    if (streamTimeMs !== unknown) latestMs = Math.max(latestMs, streamTimeMs)
    else foreign.push({ topic, partition, metadata: metadata.slice(0, shownCharactersMax) })
  }
  told.foreignOffsets = foreign
  return latestMs
}

/** Kafka's own tools write none beside the offsets that they set. */
function streamTimeIn(metadata: string): number | typeof unknown {
  if (metadata === '') return -Infinity
  try {
    const { streamTimeMs } = JSON.parse(metadata) as Partial<OffsetMetadata>
    if (streamTimeMs === null) return -Infinity
    return Number.isFinite(streamTimeMs) ? Number(streamTimeMs) : unknown
  } catch {
    return unknown
  }
}
