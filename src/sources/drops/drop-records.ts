/** Batches of rows as events of their topic. */
import type { DroppedFile } from '../../processors/student-performance/batch.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { IngestRecord } from '../ingest-port.ts'
import type { RowBatch } from './row-batch.ts'

export interface DropIdentity {
  /** As it was dropped, without its folder. */
  readonly name: string
  readonly contentHash: string
  /** When the file was last changed, whole milliseconds since the epoch. */
  readonly modifiedAtMs: number
}

/** @param file with the last batch: what the file was */
export function dropRecord(
  { name, contentHash, modifiedAtMs }: DropIdentity,
  batch: RowBatch,
  file: DroppedFile | null,
  schema: FileSchema,
): IngestRecord {
  const json: Record<string, unknown> = {
    file_hash: contentHash,
    batch: batch.index,
    row_number: Array.from(batch.rowNumbers),
    dropped_at: modifiedAtMs,
    file_name: name,
    file,
  }
  const { rowNumbers, codes } = batch
  // Bytes in Avro's JSON are characters up to U+00FF.
  const text = Buffer.from(codes.buffer, codes.byteOffset, codes.byteLength).toString('latin1')
  for (const [index, field] of schema.fields.entries()) {
    json[field.name] = text.slice(index * rowNumbers.length, (index + 1) * rowNumbers.length)
  }
  return { content: { form: 'json', json }, location: `${name}, part ${batch.index}` }
}

/** This drop of the content counts no more. @param file with the last part, as it was sent */
export function retractionRecord(
  { name, contentHash, modifiedAtMs }: DropIdentity,
  batch: number,
  file: DroppedFile | null,
  schema: FileSchema,
): IngestRecord {
  const json: Record<string, unknown> = {
    file_hash: contentHash,
    batch,
    row_number: [],
    dropped_at: modifiedAtMs,
    file_name: name,
    file,
    is_retracted: true,
  }
  for (const field of schema.fields) json[field.name] = ''
  return { content: { form: 'json', json }, location: `${name}, retraction of part ${batch}` }
}

/** About how much a record holds in memory. */
export function bytesOfBatch({ rowNumbers, codes }: RowBatch): number {
  return codes.length + rowNumbers.length * 8 + 1024
}
