/** A good file into its topic. The last part brings what the file was; parts and rows are the same however often sent. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { present } from '../../core/assert.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { RecordSender } from '../record-sender.ts'
import { bytesOfBatch, dropRecord } from './drop-records.ts'
import { ParquetFile } from './parquet-file.ts'
import { parquetName } from './drop-paths.ts'
import { readAside, type AcceptedDrop, type ParquetWritten } from './prepare-drop.ts'
import type { RowBatch } from './row-batch.ts'

/** Resolves when the parts are handed over; `sender.flush()` makes them durable.
 * @returns the Parquet file, where one is written */
export async function sendDrop(
  drop: AcceptedDrop,
  sender: RecordSender,
  schema: FileSchema,
  parquetDirectory?: string,
): Promise<ParquetWritten | null> {
  const { identity, file, batches, aside } = drop
  const send = async (batch: RowBatch): Promise<void> => {
    const isLast = batch.index === file.batches - 1
    const record = dropRecord(identity, batch, isLast ? file : null, schema)
    await sender.add(record, bytesOfBatch(batch))
  }
  if (batches !== null) {
    for (const batch of batches) await send(batch)
    return drop.parquet
  }
  const copy = present(aside, 'the copy of a large file')
  const name = parquetName(identity)
  let parquet: ParquetFile | null = null
  try {
    if (parquetDirectory !== undefined) {
      parquet = new ParquetFile(join(parquetDirectory, name), schema)
    }
    await readAside(copy, schema, async (batch) => {
      await send(batch)
      parquet?.add(batch)
    })
    return parquet === null ? null : { name, bytes: parquet.finish() }
  } catch (thrown) {
    parquet?.giveUp()
    throw thrown
  } finally {
    rmSync(copy, { force: true })
  }
}
