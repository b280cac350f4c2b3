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
import { retractionRecord, type DropIdentity } from './drop-records.ts'
import { describeProblem, grownProblem, grownReport } from './drop-report.ts'
import { isSame, type DropSeen, type KnownDrops } from './known-drops.ts'
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
  /** Of them, those whose rows count no more. */
  readonly retracted: number
  readonly rowsRetracted: number
}

const retractionBytes = 1024

interface Returning {
  readonly changed: ChangedFile
  readonly target: string
  /** The drops of the same content that count on: then its rows are theirs, and stay. */
  readonly others: readonly DropSeen[]
}

export async function takeBack(options: TakeBackOptions, sender: RecordSender): Promise<TakenBack> {
  const { directory, schema, taken } = options
  const returning: Returning[] = []
  const targets = new Set<string>()
  for (const changed of taken.changed()) {
    const target = returnTarget(changed, directory)
    // Its names are taken: another look.
    if (target === null || targets.has(target)) continue
    targets.add(target)
    const others = await othersOf(changed, returning, options.known)
    returning.push({ changed, target, others })
    await retract(changed, others, sender, schema)
  }
  if (returning.length === 0) return { files: 0, retracted: 0, rowsRetracted: 0 }
  await sender.flush()
  let [retracted, rowsRetracted] = [0, 0]
  for (const each of returning) {
    const { changed, target, others } = each
    tell(each, options)
    renameSync(changed.path, target)
    taken.release(changed.path)
    if (changed.file === null || others.length > 0) continue
    retracted++
    rowsRetracted += changed.file.rows_read - changed.file.rows_removed
  }
  return { files: returning.length, retracted, rowsRetracted }
}

/** But those that are taken back in this look. */
async function othersOf(
  { identity, file }: ChangedFile,
  returning: readonly Returning[],
  known: KnownDrops,
): Promise<readonly DropSeen[]> {
  if (file === null) return []
  const { contentHash } = identity
  const gone = returning
    .filter(({ changed }) => changed.file !== null && changed.identity.contentHash === contentHash)
    .map(({ changed }) => seenAs(changed.identity))
  gone.push(seenAs(identity))
  const drops = await known.drops(contentHash)
  return drops.filter((drop) => !gone.some((each) => isSame(each, drop)))
}

async function retract(
  { identity, file, judgedAtMs }: ChangedFile,
  others: readonly DropSeen[],
  sender: RecordSender,
  schema: FileSchema,
): Promise<void> {
  if (file === null) return
  // Parts without a name are not told from those of another file of the content: so they stay while that counts.
  if (judgedAtMs === undefined && others.length > 0) return
  for (let batch = 0; batch < file.batches; batch++) {
    const isLast = batch === file.batches - 1
    const record = retractionRecord(identity, batch, isLast ? file : null, schema)
    await sender.add(record, retractionBytes)
  }
}

function tell(
  { changed, others }: Returning,
  { directory, schema, clock, log, known, taken }: TakeBackOptions,
): void {
  const { identity, file, path, bytes, bytesNow } = changed
  const { name, contentHash } = identity
  const atMs = clock.nowMs()
  const about = { content: contentHash, bytes, bytes_now: bytesNow }
  if (file === null) {
    rmSync(`${path}.report.json`, { force: true })
    log.append([{ atMs, outcome: 'again', file: name, details: about }])
    return
  }
  const sameAs = others[0]?.fileName ?? null
  const growth = { bytes, bytesNow, rows: file.rows_read - file.rows_removed, sameAs }
  const report = grownReport(identity, growth, schema, atMs)
  const reportPath = `${hashedTargetOf(identity, join(directory, 'failed'))}.report.json`
  writeFileSync(reportPath, `${JSON.stringify(report, null, 2)}\n`)
  const rows = sameAs === null ? growth.rows : 0
  const same = sameAs === null ? {} : { same_as: sameAs }
  const why = describeProblem(grownProblem(growth))
  log.append([
    { atMs, outcome: 'retracted', file: name, details: { ...about, ...same, rows, why } },
  ])
  known.forget({ contentHash, ...seenAs(identity) })
  taken.noteRetracted(identity)
  const parquet = parquetName(identity)
  // The same name packed and not, or at two times, has one.
  if (others.some((other) => parquetName({ ...identity, name: other.fileName }) === parquet)) return
  rmSync(join(directory, 'parquet', parquet), { force: true })
}

function seenAs({ name, modifiedAtMs }: DropIdentity): DropSeen {
  return { fileName: name, modifiedAtMs }
}

/** Null where both of its names are taken. */
function returnTarget({ identity }: ChangedFile, directory: string): string | null {
  const target = targetOf(identity, directory)
  return existsSync(target) ? null : target
}
