/**
 * What an application remembers of itself beside its data: manifests of its topologies, resets. On Kafka a compacted
 * topic, `<application>-meta`, which all instances share; embedded a file of the data directory.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { resolve } from 'node:path'
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { topicName, type TopicName } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import type { RegistryRecord, RegistryStorage } from '../schema/registry-storage.ts'
import { topicTextStorage } from '../server/registry/topic-registry-storage.ts'

export type MetaRecords = RegistryStorage

const metaSuffix = '-meta'

/** The application whose records would lie there; null where the name is another kind of topic's. */
function applicationOf(topic: string): string | null {
  return topic.endsWith(metaSuffix) ? topic.slice(0, -metaSuffix.length) : null
}

export function metaTopic(applicationId: string): TopicName {
  return topicName(`${applicationId}${metaSuffix}`)
}

/** Whoever only reads does not make the topic. */
export function sharedMetaRecords(
  log: Log,
  admin: Pick<LogAdmin, 'topicNames'>,
  clock: Clock,
  applicationId: string,
): MetaRecords {
  const topic = metaTopic(applicationId)
  let storage: Promise<RegistryStorage> | null = null
  const opened = () => (storage ??= topicTextStorage(log, clock, topic))
  return {
    load: async () => {
      if (storage === null && !(await admin.topicNames()).includes(topic)) return []
      return (await opened()).load()
    },
    append: async (records) => {
      await (await opened()).append(records)
    },
  }
}

/** By application, of all that have records on this Kafka. A stranger's topic of such a name, or one that may not be read,
 * has none. */
export async function everyonesMetaRecords(
  log: Log,
  admin: Pick<LogAdmin, 'topicNames'>,
  clock: Clock,
): Promise<ReadonlyMap<string, Pick<MetaRecords, 'load'>>> {
  const all = new Map<string, Pick<MetaRecords, 'load'>>()
  const topics = await admin.topicNames()
  const known = { topicNames: () => Promise.resolve(topics) }
  for (const topic of topics) {
    const applicationId = applicationOf(topic)
    if (applicationId === null) continue
    const records = sharedMetaRecords(log, known, clock, applicationId)
    all.set(applicationId, { load: () => records.load().catch(ofNobody) })
  }
  return all
}

function ofNobody(thrown: unknown): readonly RegistryRecord[] {
  if (thrown instanceof TidemarkError && thrown.code !== 'KAFKA_UNREACHABLE') return []
  throw thrown
}

const layoutVersion = 1

interface StoredMeta {
  readonly version: number
  readonly records: Readonly<Record<string, string>>
}

/** The last write of each file in this process: whoever has opened it, one write follows the other. */
const lastWrites = new Map<string, Promise<void>>()

/** `meta.json`, written aside, synced and renamed: it can be read while an instance runs there. */
export function ownMetaRecords(dataDir: string): MetaRecords {
  const path = resolve(dataDir, 'meta.json')
  const append = async (records: readonly RegistryRecord[]) => {
    const all = new Map(Object.entries(await readStored(path)))
    for (const { key, value } of records) {
      if (value === null) all.delete(key)
      else all.set(key, value)
    }
    await mkdir(dataDir, { recursive: true })
    const aside = `${path}.${process.pid}`
    const stored: StoredMeta = { version: layoutVersion, records: Object.fromEntries(all) }
    const file = await open(aside, 'w')
    try {
      await file.writeFile(`${JSON.stringify(stored, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
  }
  return {
    load: async () => {
      const records = Object.entries(await readStored(path))
      return records.map(([key, value]) => ({ key, value: present(value, key) }))
    },
    append: (records) => {
      const written = (lastWrites.get(path) ?? Promise.resolve()).then(() => append(records))
      const settled = written
        .catch(() => undefined)
        .then(() => {
          if (lastWrites.get(path) === settled) lastWrites.delete(path)
        })
      lastWrites.set(path, settled)
      return written
    },
  }
}

async function readStored(path: string): Promise<StoredMeta['records']> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw thrown
  }
  let stored: StoredMeta
  try {
    stored = JSON.parse(text) as StoredMeta
  } catch (cause) {
    throw new TidemarkError('DATA_DIR_CORRUPT', `${path} is not JSON: ${messageOf(cause)}`, {
      cause,
    })
  }
  if (stored.version > layoutVersion) {
    throw new TidemarkError('DATA_DIR_NEWER', `${path} was written by a newer version`)
  }
  return stored.records
}
