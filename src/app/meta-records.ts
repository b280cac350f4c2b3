/**
 * What an application remembers of itself beside its data: manifests of its topologies. On Kafka
 * a compacted topic, `<application>-meta`, which all instances share; embedded a reserved store of the data directory.
 */
import type { Clock } from '../core/clock.ts'
import { partition, storeName, topicName, type TopicName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import type { RegistryRecord, RegistryStorage } from '../schema/registry-storage.ts'
import { topicTextStorage } from '../server/registry/topic-registry-storage.ts'

export type MetaRecord = RegistryRecord
/** `load` gives records in the order of their appending where several instances share them. */
export type MetaRecords = RegistryStorage

export function metaTopic(applicationId: string): TopicName {
  return topicName(`${applicationId}-meta`)
}

export function sharedMetaRecords(
  log: Log,
  clock: Clock,
  applicationId: string,
): Promise<MetaRecords> {
  return topicTextStorage(log, clock, metaTopic(applicationId))
}

const address = { store: storeName('tidemark.meta'), partition: partition(0) }
const entriesMax = 10_000

export function ownMetaRecords(state: StateBackend): MetaRecords {
  return {
    load: async () => {
      const entries = await state.scan({ ...address, entriesMax })
      return entries.map(({ key, value }) => ({ key: key.toString(), value: value.toString() }))
    },
    append: async (records) => {
      await state.write(
        records.map(({ key, value }) => ({
          ...address,
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
        })),
      )
    },
  }
}
