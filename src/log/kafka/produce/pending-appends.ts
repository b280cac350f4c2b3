/** What waits to be appended to one partition: appends cut into pieces that fit into a batch, in order. */
import { present } from '../../../core/assert.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { Offset, ProducerRecord, TopicPartition } from '../../../core/record.ts'

/** One caller's records for one partition. It settles once, with where its first record is. */
export interface PendingAppend {
  /** Of its first record, once that is written. */
  baseOffset: Offset | null
  /** True once it has failed: what is left of it is not sent any more. */
  failed: boolean
  settle(): void
  fail(failure: unknown): void
}

export function pendingAppend(): { append: PendingAppend; appended: Promise<Offset> } {
  const { promise, resolve, reject } = Promise.withResolvers<Offset>()
  const append: PendingAppend = {
    baseOffset: null,
    failed: false,
    settle: () => resolve(present(append.baseOffset, 'the offset of the first record')),
    fail: (failure) => {
      append.failed = true
      reject(failure)
    },
  }
  return { append, appended: promise }
}

/** Records of one append that go into one batch together. */
export interface AppendPiece {
  readonly append: PendingAppend
  readonly records: readonly ProducerRecord[]
  readonly bytes: number
  readonly isFirst: boolean
  readonly isLast: boolean
  /** It was in a batch that was refused, and is tried without the others that were in it. */
  readonly alone: boolean
}

/** Lengths, deltas and flags around key and value; generous, so that no batch is larger than was reckoned. */
const recordOverheadBytes = 40

export function recordBytes(record: ProducerRecord): number {
  let bytes = recordOverheadBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers ?? []) bytes += name.length * 3 + value.length + 16
  return bytes
}

/** At least one piece; each of at most `bytesMax`, or of one record.
 * @throws TidemarkError RECORD_TOO_LARGE where a record's key and value are beyond `recordBytesMax` */
export function cutIntoPieces(
  at: TopicPartition,
  records: readonly ProducerRecord[],
  append: PendingAppend,
  limits: { readonly bytesMax: number; readonly recordBytesMax: number },
): AppendPiece[] {
  const runs: { records: ProducerRecord[]; bytes: number }[] = []
  for (const record of records) {
    checkSize(at, record, limits.recordBytesMax)
    const bytes = recordBytes(record)
    const run = runs.at(-1)
    if (run === undefined || run.bytes + bytes > limits.bytesMax) {
      runs.push({ records: [record], bytes })
    } else {
      run.records.push(record)
      run.bytes += bytes
    }
  }
  return runs.map((run, index) => ({
    ...run,
    append,
    isFirst: index === 0,
    isLast: index === runs.length - 1,
    alone: false,
  }))
}

function checkSize(at: TopicPartition, record: ProducerRecord, recordBytesMax: number): void {
  const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  if (bytes > recordBytesMax) throw recordTooLarge(at, bytes, recordBytesMax)
}

export function recordTooLarge(
  at: TopicPartition,
  bytes: number,
  bytesMax: number | null,
): TidemarkError {
  const limit = bytesMax === null ? "max.message.bytes of the topic's brokers" : String(bytesMax)
  return new TidemarkError(
    'RECORD_TOO_LARGE',
    `topic ${at.topic}: a record of ${bytes} bytes is beyond the limit, ${limit}`,
    { details: { topic: at.topic, bytes } },
  )
}

/** Takes from the front what goes into one batch of at most `bytesMax`; nothing of appends that have failed. */
export function takePieces(waiting: AppendPiece[], bytesMax: number): AppendPiece[] {
  const taken: AppendPiece[] = []
  let bytes = 0
  let next = 0
  for (; next < waiting.length; next++) {
    const piece = waiting[next] as AppendPiece
    if (piece.append.failed) continue
    if (taken.length > 0 && (bytes + piece.bytes > bytesMax || piece.alone)) break
    taken.push(piece)
    bytes += piece.bytes
    if (piece.alone) {
      next++
      break
    }
  }
  waiting.splice(0, next)
  return taken
}

/** What was refused together is tried apart; null where there is nothing left to take apart. */
export function takeApart(pieces: readonly AppendPiece[]): AppendPiece[] | null {
  if (pieces.length > 1) return pieces.map((piece) => ({ ...piece, alone: true }))
  return null
}

/** Two halves of a piece that was refused for its size; null where it has one record. */
export function halve(piece: AppendPiece): AppendPiece[] | null {
  if (piece.records.length < 2) return null
  const middle = piece.records.length >>> 1
  const first = piece.records.slice(0, middle)
  const second = piece.records.slice(middle)
  return [
    { ...piece, alone: true, records: first, bytes: sum(first), isLast: false },
    { ...piece, alone: true, records: second, bytes: sum(second), isFirst: false },
  ]
}

function sum(records: readonly ProducerRecord[]): number {
  return records.reduce((bytes, record) => bytes + recordBytes(record), 0)
}
