/**
 * Files that were written on after they were judged: what was taken of them is retracted, and they go back into the folder,
 * where the next look takes them as new contents once they are still.
 *
 * In this order: 1 the retractions are durable; 2 the report is written; 3 the log has its line; 4 the file goes back. After
 * a crash in between it is still watched, and all of it is done again, which changes nothing but a line in the log.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { RecordSender } from '../record-sender.ts'
import type { ConversionLog } from './conversion-log.ts'
import { hashedTargetOf, parquetName, targetOf } from './drop-paths.ts'
import { retractionRecord } from './drop-records.ts'
import { describeProblem, grownProblem, grownReport } from './drop-report.ts'
import type { KnownDrops } from './known-drops.ts'
import type { ChangedFile, TakenFiles } from './taken-files.ts'

export interface TakeBackOptions {
  readonly directory: string
  readonly schema: FileSchema
  readonly clock: Clock
  readonly log: ConversionLog
  readonly known: KnownDrops
  readonly taken: TakenFiles
}

export interface TakenBack {
  readonly files: number
  /** Of them, those whose rows were retracted. */
  readonly retracted: number
  readonly rowsRetracted: number
}

const retractionBytes = 1024

export async function takeBack(options: TakeBackOptions, sender: RecordSender): Promise<TakenBack> {
  const { directory, schema, taken } = options
  const returning: { readonly file: ChangedFile; readonly target: string }[] = []
  const targets = new Set<string>()
  for (const file of taken.changed()) {
    const target = returnTarget(file, directory)
    // Its names are taken: another look.
    if (target === null || targets.has(target)) continue
    targets.add(target)
    returning.push({ file, target })
    await retract(file, sender, schema)
  }
  if (returning.length === 0) return { files: 0, retracted: 0, rowsRetracted: 0 }
  await sender.flush()
  let [retracted, rowsRetracted] = [0, 0]
  for (const { file, target } of returning) {
    tell(file, options)
    renameSync(file.path, target)
    taken.release(file.path)
    if (file.file === null || file.sameAs !== null) continue
    retracted++
    rowsRetracted += file.file.rows_read - file.file.rows_removed
  }
  return { files: returning.length, retracted, rowsRetracted }
}

async function retract(
  { identity, file, sameAs }: ChangedFile,
  sender: RecordSender,
  schema: FileSchema,
): Promise<void> {
  if (file === null || sameAs !== null) return
  for (let batch = 0; batch < file.batches; batch++) {
    const isLast = batch === file.batches - 1
    const record = retractionRecord(identity, batch, isLast ? file : null, schema)
    await sender.add(record, retractionBytes)
  }
}

function tell(
  changed: ChangedFile,
  { directory, schema, clock, log, known }: TakeBackOptions,
): void {
  const { identity, file, sameAs, path, bytes, bytesNow } = changed
  const { name, contentHash } = identity
  const atMs = clock.nowMs()
  const about = { content: contentHash, bytes, bytes_now: bytesNow }
  if (file === null) {
    rmSync(`${path}.report.json`, { force: true })
    log.append([{ atMs, outcome: 'again', file: name, details: about }])
    return
  }
  const growth = { bytes, bytesNow, rows: file.rows_read - file.rows_removed, sameAs }
  const report = grownReport(identity, growth, schema, atMs)
  const reportPath = `${hashedTargetOf(identity, join(directory, 'failed'))}.report.json`
  writeFileSync(reportPath, `${JSON.stringify(report, null, 2)}\n`)
  const rows = sameAs === null ? growth.rows : 0
  const why = describeProblem(grownProblem(growth))
  log.append([{ atMs, outcome: 'retracted', file: name, details: { ...about, rows, why } }])
  if (sameAs !== null) return
  known.forget({ contentHash, fileName: name, modifiedAtMs: identity.modifiedAtMs })
  rmSync(join(directory, 'parquet', parquetName(identity)), { force: true })
}

/** Null where both of its names are taken. */
function returnTarget({ identity }: ChangedFile, directory: string): string | null {
  const target = targetOf(identity, directory)
  return existsSync(target) ? null : target
}
