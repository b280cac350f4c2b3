/**
 * Lets an instance restore no further than a part of what it has to, so that it can be killed just there.
 */
import { assert } from '../../../src/core/assert.ts'
import { topicPartitionId } from '../../../src/core/record.ts'
import type { EncodedLog } from '../../../src/log/encoded-log.ts'
import type { FetchedPartition, FetchRequest } from '../../../src/log/log.ts'
import { changelogSuffix } from '../../../src/runtime/changelog.ts'
import { overriding } from './sabotage.ts'

export interface HaltedRestore {
  /** Offsets passed, and to pass in all. */
  readonly offsetsDone: number
  readonly offsetsTotal: number
}

interface Range {
  readonly from: number
  done: number
  readonly end: number
}

/** Small, so that a short changelog takes many fetches too. */
const bytesMax = 2_048

/** Fetches of changelogs answer until `part` (0 to 1) of them is passed; the one after that never does. */
export function haltingRestore(
  log: EncodedLog,
  part: number,
  onHalted: (halted: HaltedRestore) => void,
): EncodedLog {
  const ranges = new Map<string, Range>()
  const fetch = async (request: FetchRequest) => {
    if (!request.partitions.some(({ topic }) => topic.endsWith(changelogSuffix))) {
      return log.fetch(request)
    }
    const sum = (of: (range: Range) => number) =>
      [...ranges.values()].reduce((total, range) => total + of(range), 0)
    const offsetsTotal = sum(({ from, end }) => end - from)
    const offsetsDone = sum(({ from, done }) => done - from)
    if (offsetsTotal > 0 && offsetsDone >= part * offsetsTotal) {
      onHalted({ offsetsDone, offsetsTotal })
      return new Promise<readonly FetchedPartition[]>(() => {})
    }
    const fetched = await log.fetch({ ...request, bytesMax, bytesPerPartitionMax: bytesMax })
    for (const range of fetched) note(ranges, request, range)
    return fetched
  }
  return overriding(log, { fetch })
}

function note(ranges: Map<string, Range>, request: FetchRequest, fetched: FetchedPartition): void {
  const id = topicPartitionId(fetched)
  const known = ranges.get(id)
  if (known !== undefined) {
    known.done = Math.max(known.done, fetched.nextOffset)
    return
  }
  const asked = request.partitions.find((at) => topicPartitionId(at) === id)
  assert(asked !== undefined, `${id} was asked for`)
  ranges.set(id, {
    from: asked.offset,
    done: fetched.nextOffset,
    end: Math.max(fetched.nextOffset, fetched.highWatermark),
  })
}
