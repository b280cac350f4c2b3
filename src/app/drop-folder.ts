/** The drop folder of an instance: its files go into the instance's log, and its ClickHouse knows what came before. */
import { TidemarkError } from '../core/errors.ts'
import { loadFileSchema } from '../quality/file-schema.ts'
import { DropFolder } from '../sources/drops/drop-folder.ts'
import type { DropSeen, FindDrops } from '../sources/drops/known-drops.ts'
import { ReaderPool } from '../sources/drops/reader-pool.ts'
import type { Services } from './services.ts'

/** Threads that read files; the log, ClickHouse and the rest of the process have their own. */
const readerThreads = 2

const schemaName = 'student-performance'

export interface OpenedDropFolder {
  readonly folder: DropFolder
  /** Ends the threads that read; what was being read is read again by the next one. */
  close(): Promise<void>
}

/** @throws TidemarkError CONFIGURATION_INVALID where no topology here reads what is dropped | SOURCE_UNREADABLE */
export function openDropFolder(
  { ingest, clock, clickhouse, topologies }: Services,
  directory: string,
  signal?: AbortSignal,
): OpenedDropFolder {
  const schema = loadFileSchema(schemaName)
  const isRead = topologies.some(({ graph }) =>
    graph.nodes.some((node) => node.kind === 'source' && node.topic.name === schema.topic),
  )
  if (!isRead) {
    const message = `--drop needs a topology that reads ${schema.topic}: --topologies student-performance`
    throw new TidemarkError('CONFIGURATION_INVALID', message)
  }
  const find = findDrops(clickhouse)
  const readers = new ReaderPool(schemaName, readerThreads)
  const folder = new DropFolder({
    directory,
    schema,
    ingest,
    clock,
    find,
    prepare: (request) => readers.prepare(request),
    ...(signal === undefined ? {} : { signal }),
  })
  return { folder, close: () => readers.close() }
}

interface DropRow {
  readonly file_hash: string
  readonly file_name: string
  readonly modified_at: number | string
}

function findDrops(clickhouse: Services['clickhouse']): FindDrops {
  return async (contentHashes) => {
    const result = await clickhouse.reader.query({
      query: `SELECT file_hash, file_name, modified_at FROM student_performance.drops
WHERE file_hash IN {hashes:Array(String)} ORDER BY modified_at, file_name LIMIT 2 BY file_hash`,
      query_params: { hashes: contentHashes },
      format: 'JSONEachRow',
    })
    const found = new Map<string, DropSeen[]>()
    for (const row of await result.json<DropRow>()) {
      const seen = { fileName: row.file_name, modifiedAtMs: Number(row.modified_at) }
      found.set(row.file_hash, [...(found.get(row.file_hash) ?? []), seen])
    }
    return found
  }
}
