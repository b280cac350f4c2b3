/**
 * A folder that files are dropped into: each is judged against its schema, its rows go into their topic once, and the file
 * moves to `done/` or, with a report beside it, to `failed/`.
 *
 * Of an accepted file, in this order: 1 its rows are durable in the log; 2 its Parquet bears its name; 3 the conversion
 * log has its line; 4 it moves to `done/`. A crash in between leaves the file where it was, and the next start does all
 * of it again, which changes nothing: rows are the same by the file's content and their place in it. Only the line in the
 * log may then be there twice.
 *
 * Invariants:
 *  1. A file is taken once it has been still for a while, and only where it did not change while it was read.
 *  2. Nothing is overwritten: a name that is taken in `done/` or `failed/` gets the content's hash behind it.
 *  3. Of a file that a writer adds to after it was judged, the rows that were taken are retracted, which is reported, and
 *     it is judged again as a whole (`take-back.ts`).
 *  4. Memory does not grow with the number or the size of files: a pass walks over the folder, few files are read ahead
 *     (`read-ahead.ts`), and larger files go through in parts.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pause, type Clock } from '../../core/clock.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { IngestPort } from '../ingest-port.ts'
import { RecordSender } from '../record-sender.ts'
import { ConversionLog, type ConversionLine } from './conversion-log.ts'
import { targetOf } from './drop-paths.ts'
import { dropReport, type DropReport } from './drop-report.ts'
import type { DropIdentity } from './drop-records.ts'
import { folderError, isFolderFault, makeMissing } from './folder-faults.ts'
import { asTakenBefore, KnownDrops, type FindDrops } from './known-drops.ts'
import {
  prepareDrop,
  type AcceptedDrop,
  type ParquetWritten,
  type PrepareDrop,
  type PreparedDrop,
} from './prepare-drop.ts'
import { readAhead } from './read-ahead.ts'
import { ReadyFiles } from './ready-files.ts'
import { sendDrop } from './send-drop.ts'
import { takeBack } from './take-back.ts'
import { TakenFiles, watchedFilesMax } from './taken-files.ts'
import { writtenOnBytes, type JudgedFile } from './watched-list.ts'

export interface DropFolderOptions {
  readonly directory: string
  readonly schema: FileSchema
  readonly ingest: IngestPort
  readonly clock: Clock
  readonly find: FindDrops
  readonly signal?: AbortSignal
  /** Reads a file; absent: in this thread. */
  readonly prepare?: (request: PrepareDrop) => Promise<PreparedDrop>
  readonly stillForMs?: number
  readonly completeAfterMs?: number
  readonly pollMs?: number
  /** Before a folder that could not be worked on is tried again. */
  readonly troublePauseMs?: number
  /** Judged files that are looked at again, in case their writer goes on. */
  readonly watchedFilesMax?: number
  /** Tells a test where the work is. */
  readonly onStep?: (step: DropStep, name: string) => void
}

export type DropStep = 'sent' | 'durable' | 'logged' | 'moved'

export interface DropTotals {
  readonly done: number
  readonly duplicates: number
  readonly failed: number
  readonly rows: number
  readonly rowsRemoved: number
  /** Files whose rows count no more, because they were written on after they were taken. */
  readonly retracted: number
  readonly rowsRetracted: number
  /** Entries of the folder that are no files (links, folders, pipes), or none that can be read. */
  readonly left: number
  /** In the folder at the last look, still being written. */
  readonly waiting: number
}

const defaults = {
  stillForMs: 250,
  completeAfterMs: 2_000,
  pollMs: 200,
  troublePauseMs: 2_000,
  watchedFilesMax,
}
/** Files whose rows are made durable, and which are moved, together. */
const groupMax = 128
const logName = 'conversion_log.txt'

/** What is moved. */
type Judged = Pick<AcceptedDrop, 'identity' | 'inode' | 'modifiedMs'> &
  Pick<JudgedFile, 'bytes' | 'file'>

interface Sent {
  readonly drop: AcceptedDrop
  readonly parquet: ParquetWritten | null
}

export class DropFolder {
  readonly #options: DropFolderOptions & typeof defaults
  readonly #done: string
  readonly #failed: string
  readonly #parquet: string
  readonly #aside: string
  readonly #files: ReadyFiles
  readonly #known: KnownDrops
  readonly #log: ConversionLog
  readonly #taken: TakenFiles
  readonly #totals = {
    done: 0,
    duplicates: 0,
    failed: 0,
    rows: 0,
    rowsRemoved: 0,
    retracted: 0,
    rowsRetracted: 0,
  }
  #later = 0

  /** @throws TidemarkError SOURCE_UNREADABLE where the folder cannot be made */
  constructor(options: DropFolderOptions) {
    this.#options = { ...defaults, ...options }
    const { directory, clock } = options
    const folder = (name: string) => join(directory, name)
    this.#done = folder('done')
    this.#failed = folder('failed')
    this.#parquet = folder('parquet')
    this.#aside = folder('.reading')
    try {
      // Copies that a crash has left.
      rmSync(this.#aside, { recursive: true, force: true })
      for (const path of [this.#done, this.#failed, this.#parquet, this.#aside]) {
        mkdirSync(path, { recursive: true })
      }
      for (const name of readdirSync(this.#parquet)) {
        if (name.endsWith('.part')) rmSync(join(this.#parquet, name), { force: true })
      }
    } catch (cause) {
      throw folderError(directory, cause)
    }
    const { stillForMs, completeAfterMs } = this.#options
    const reserved = new Set([logName, `${logName}.1`, 'done', 'failed', 'parquet'])
    this.#files = new ReadyFiles({ directory, clock, stillForMs, completeAfterMs, reserved })
    this.#known = new KnownDrops(options.find)
    this.#log = new ConversionLog(folder(logName))
    this.#taken = new TakenFiles(clock, directory, this.#options.watchedFilesMax)
  }

  get totals(): DropTotals {
    const { waiting, left } = this.#files
    return { ...this.#totals, left, waiting: waiting + this.#later }
  }

  /**
   * Looks until the signal.
   * @param onScan hears of each look that found something
   * @param onTrouble hears why the folder cannot be worked on (a full disk, a folder that is away), once, and null when it
   * can again: until then it is tried again
   */
  async watch(
    onScan: (totals: DropTotals) => void | Promise<void>,
    onTrouble: (trouble: string | null) => void,
  ): Promise<void> {
    const { clock, pollMs, troublePauseMs, signal } = this.#options
    let trouble: string | null = null
    while (signal?.aborted !== true) {
      const found = await this.#tryScan()
      if (found.trouble !== trouble) onTrouble(found.trouble)
      trouble = found.trouble
      if (found.taken > 0) await onScan(this.totals)
      await pause(clock, trouble === null ? pollMs : troublePauseMs, signal)
    }
  }

  async #tryScan(): Promise<{ readonly taken: number; readonly trouble: string | null }> {
    try {
      return { taken: await this.scan(), trouble: null }
    } catch (thrown) {
      if (!isFolderFault(thrown)) throw thrown
      return { taken: 0, trouble: thrown.message }
    }
  }

  /** Looks until nothing is left, not even what was still being written. @throws as `scan` */
  async drain(): Promise<DropTotals> {
    const { clock, pollMs, signal } = this.#options
    for (;;) {
      await this.scan()
      if (this.totals.waiting === 0 || signal?.aborted === true) return this.totals
      await pause(clock, pollMs, signal)
    }
  }

  /**
   * Takes every file that is ready now; how many those were, and those that were written on or first seen to be no
   * files. What it has sent is durable, and moved.
   * @throws TidemarkError SOURCE_UNREADABLE | DISK_FULL where the system does not let the folder be worked on; what was under
   * way is done again by the next look, which changes nothing
   */
  async scan(): Promise<number> {
    try {
      makeMissing([this.#done, this.#failed, this.#parquet, this.#aside])
      // Copies of what was read ahead by a look that ended in trouble.
      for (const name of readdirSync(this.#aside)) rmSync(join(this.#aside, name), { force: true })
      return await this.#scan()
    } catch (thrown) {
      throw folderError(this.#options.directory, thrown)
    }
  }

  async #scan(): Promise<number> {
    const sender = this.#newSender()
    const taken = await this.#takeBack(sender)
    this.#later = 0
    // A group is settled while the next one is read and sent.
    let settling: Promise<void> = Promise.resolve()
    const settleNext = async (group: readonly Sent[]): Promise<void> => {
      await settling
      settling = this.#settle(sender, group)
      // Awaited before the next group; until then a failure is not unhandled.
      settling.catch(() => undefined)
    }
    try {
      const judged = await this.#send(sender, settleNext)
      await settling
      return taken + judged + this.#tellRest()
    } finally {
      await settling.catch(() => undefined)
    }
  }

  /** Each file that is ready, in groups. @returns how many were taken */
  async #send(
    sender: RecordSender,
    settleNext: (group: readonly Sent[]) => Promise<void>,
  ): Promise<number> {
    const { signal, schema } = this.#options
    let group: Sent[] = []
    let taken = 0
    for await (const drop of this.#prepared()) {
      if (drop.kind === 'later') {
        this.#later++
        continue
      }
      if (drop.kind === 'unreadable') {
        this.#files.leave(drop.name, `it cannot be read: ${drop.why}; mend that, and it is taken`)
        continue
      }
      taken++
      if (drop.kind === 'refused') this.#refuse(drop)
      else {
        const parquet = await sendDrop(drop, sender, schema, this.#parquet)
        this.#step('sent', drop.identity.name)
        // Its rows are with the sender: two groups of large files would be much to hold on to.
        group.push({ drop: { ...drop, batches: null }, parquet })
      }
      if (group.length >= groupMax) {
        await settleNext(group)
        group = []
      }
      if (signal?.aborted === true) break
    }
    await settleNext(group)
    return taken
  }

  #prepared(): AsyncGenerator<PreparedDrop> {
    const { directory, clock, completeAfterMs, schema } = this.#options
    const read = this.#options.prepare ?? ((request) => prepareDrop(request, schema))
    const counts = (contentHash: string) => this.#known.counts(contentHash)
    return readAhead(this.#files.pass(), async (name) => {
      const drop = await read({
        path: join(directory, name),
        name,
        asideDirectory: this.#aside,
        parquetDirectory: this.#parquet,
        completeAfterMs,
        nowMs: clock.nowMs(),
      })
      return drop.kind === 'accepted' ? this.#taken.asOwn(await asTakenBefore(drop, counts)) : drop
    })
  }

  #newSender(): RecordSender {
    const { ingest, clock, schema, signal } = this.#options
    const how = { onError: 'refuse', source: 'file' } as const
    return new RecordSender({ ingest, clock, topic: schema.topic, signal, ...how })
  }

  async #settle(sender: RecordSender, group: readonly Sent[]): Promise<void> {
    if (group.length === 0) return
    await sender.flush()
    for (const { drop } of group) this.#step('durable', drop.identity.name)
    const earlier = await this.#known.note(
      group.map(({ drop: { identity } }) => ({ ...identity, fileName: identity.name })),
    )
    this.#log.append(group.map((sent, index) => this.#lineOf(sent, earlier[index] ?? null)))
    for (const [index, { drop }] of group.entries()) {
      this.#step('logged', drop.identity.name)
      const { file } = drop
      this.#move({ ...drop, bytes: file.bytes, file }, 'done')
      this.#step('moved', drop.identity.name)
      if ((earlier[index] ?? null) !== null) {
        this.#totals.duplicates++
        continue
      }
      this.#totals.done++
      this.#totals.rows += drop.file.rows_read - drop.file.rows_removed
      this.#totals.rowsRemoved += drop.file.rows_removed
    }
    this.#taken.save()
  }

  #refuse(drop: PreparedDrop & { readonly kind: 'refused' }): void {
    const { identity, columns, rowsRead, problems, problemsTotal } = drop
    const { schema, clock } = this.#options
    const { name, contentHash } = identity
    const file = { name, contentHash, problems, problemsTotal, rowsRead, foundColumns: columns }
    this.#report(identity, dropReport(file, schema, clock.nowMs()))
    this.#step('logged', name)
    this.#move({ ...drop, file: null }, 'failed')
    this.#step('moved', name)
    this.#totals.failed++
  }

  async #takeBack(sender: RecordSender): Promise<number> {
    const { directory, schema, clock } = this.#options
    const [log, known, taken] = [this.#log, this.#known, this.#taken]
    const back = await takeBack({ directory, schema, clock, log, known, taken }, sender)
    this.#totals.retracted += back.retracted
    this.#totals.rowsRetracted += back.rowsRetracted
    return back.files
  }

  /** What the folder has that is no file, and files that are not watched: a line in the log, once. */
  #tellRest(): number {
    const atMs = this.#options.clock.nowMs()
    const left = this.#files.newlyLeft()
    this.#log.append(
      left.map(({ name, why }) => ({ atMs, outcome: 'left', file: name, details: { why } })),
    )
    const letGo = this.#taken.letGo()
    if (letGo !== null) {
      const why = `more than ${this.#options.watchedFilesMax} files within a day; let writers rename a file when it is whole`
      const details = { files: letGo.files, why }
      this.#log.append([{ atMs, outcome: 'unwatched', file: letGo.name, details }])
    }
    this.#taken.save()
    return left.length
  }

  /** In the folder for failed files and in the log. */
  #report(identity: DropIdentity, report: DropReport): void {
    const { name, contentHash } = identity
    const path = `${targetOf(identity, this.#failed)}.report.json`
    writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
    const details = { content: contentHash, problems: report.problems_total, why: report.summary }
    const atMs = this.#options.clock.nowMs()
    this.#log.append([{ atMs, outcome: 'failed', file: name, details }])
  }

  #lineOf({ drop, parquet }: Sent, earlier: string | null): ConversionLine {
    const { identity, file } = drop
    const counts: Record<string, number> = {}
    for (const { check, rows } of file.findings) counts[check] = (counts[check] ?? 0) + rows
    return {
      atMs: this.#options.clock.nowMs(),
      outcome: earlier === null ? 'done' : 'duplicate',
      file: identity.name,
      details: {
        content: identity.contentHash,
        ...(earlier === null ? {} : { same_as: earlier }),
        rows: file.rows_read - file.rows_removed,
        removed: file.rows_removed,
        bytes: file.bytes,
        ...counts,
        ...(parquet === null ? {} : { parquet: parquet.name, parquet_bytes: parquet.bytes }),
      },
    }
  }

  /** A file that was renamed or replaced meanwhile is left alone: the next look sees it under its new name, or anew. */
  #move({ identity, inode, bytes, modifiedMs, file }: Judged, folder: 'done' | 'failed'): void {
    const from = join(this.#options.directory, identity.name)
    const stats = statSync(from, { throwIfNoEntry: false })
    if (stats?.ino !== inode) return
    const target = targetOf(identity, folder === 'done' ? this.#done : this.#failed)
    renameSync(from, target)
    const place = { folder, name: basename(target), judgedAtMs: this.#options.clock.nowMs() }
    const isAsRead = stats.size === bytes && stats.mtimeMs === modifiedMs
    this.#taken.note({ identity, inode, ...place, bytes: isAsRead ? bytes : writtenOnBytes, file })
  }

  #step(step: DropStep, name: string): void {
    this.#options.onStep?.(step, name)
  }
}
