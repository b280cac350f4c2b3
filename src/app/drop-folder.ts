/** The drop folder of an instance: its files go into the instance's log, and its ClickHouse knows what came before. */
import { availableParallelism } from 'node:os'
import { TidemarkError } from '../core/errors.ts'
import { loadFileSchema } from '../quality/file-schema.ts'
import { DropFolder } from '../sources/drops/drop-folder.ts'
import { ReaderPool } from '../sources/drops/reader-pool.ts'
import { findDrops } from './find-drops.ts'
import type { Services } from './services.ts'

/** Threads that read files. What they read keeps another core busy in the log, the task and ClickHouse: where there are two,
 * a second reader only takes turns with those, and compiles and collects for itself. */
const readerThreads = Math.min(2, Math.max(1, availableParallelism() - 1))

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
  const ends = signal === undefined ? {} : { signal }
  const find = findDrops({ reader: clickhouse.reader, clock, ...ends })
  const readers = new ReaderPool(schemaName, readerThreads)
  const folder = new DropFolder({
    directory,
    schema,
    ingest,
    clock,
    find,
    prepare: (request) => readers.prepare(request),
    ...ends,
  })
  return { folder, close: () => readers.close() }
}
