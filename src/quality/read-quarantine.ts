/** The entries that are still in quarantine, read from their topic: there the bytes are what they were. */
import type { ValueCodec } from '../core/serde.ts'
import { offset, partition as partitionOf } from '../core/record.ts'
import type { ConsumerRecord } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import { quarantineTopic, type QuarantineEntry } from './quarantine.ts'

export interface QuarantineFilter {
  readonly ids?: readonly string[] | undefined
  readonly topic?: string | undefined
}

const fetchBytesMax = 4 * 1024 * 1024

/**
 * In batches, those that match and are not yet redriven. An id has one current entry, its last; a first pass
 * finds where that is, a second reads it, so that memory holds no payload but a batch's.
 */
export async function* readQuarantine(
  log: Log,
  codec: ValueCodec<QuarantineEntry>,
  { ids, topic }: QuarantineFilter,
): AsyncGenerator<readonly QuarantineEntry[]> {
  const wanted = ids === undefined ? null : new Set(ids)
  const [description] = await log.describeTopics([quarantineTopic.name])
  for (const { partition, logStartOffset, lastStableOffset } of description?.partitions ?? []) {
    const range = { partition, from: logStartOffset, to: lastStableOffset }
    const current = new Map<string, number>()
    for await (const records of scan(log, range)) {
      for (const { entry, at } of await decoded(codec, records)) {
        const matches = (wanted?.has(entry.id) ?? true) && (topic ?? entry.topic) === entry.topic
        if (matches && entry.status === 'quarantined') current.set(entry.id, at)
        else current.delete(entry.id)
      }
    }
    if (current.size === 0) continue
    for await (const records of scan(log, range)) {
      const entries = (await decoded(codec, records)).filter(
        ({ entry, at }) => current.get(entry.id) === at,
      )
      if (entries.length > 0) yield entries.map(({ entry }) => entry)
    }
  }
}

async function* scan(
  log: Log,
  range: { readonly partition: number; readonly from: number; readonly to: number },
): AsyncGenerator<readonly ConsumerRecord[]> {
  let position = range.from
  while (position < range.to) {
    const [fetched] = await log.fetch({
      partitions: [
        {
          topic: quarantineTopic.name,
          partition: partitionOf(range.partition),
          offset: offset(position),
        },
      ],
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchBytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    if (fetched === undefined || fetched.nextOffset <= position) return
    yield fetched.records.filter((record) => record.offset < range.to)
    position = fetched.nextOffset
  }
}

async function decoded(
  codec: ValueCodec<QuarantineEntry>,
  records: readonly ConsumerRecord[],
): Promise<readonly { entry: QuarantineEntry; at: number }[]> {
  await codec.prepare(records.map(({ value }) => value))
  return records.flatMap(({ value, offset: at }) =>
    value === null ? [] : [{ entry: codec.decode(value), at }],
  )
}
