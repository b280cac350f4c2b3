/**
 * Files that were moved to `done/` or `failed/`, until a day after their last change: a writer that paused still has its
 * file open, and what it goes on to write lies there, read by nobody. The longer ago a file was judged, the more seldom it
 * is looked at: a few hundred times in all. The list is kept in the folder, so that an instance that is started again
 * watches on.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { eventTimeMaxMs } from '../../quality/event-time.ts'
import { DueQueue } from '../due-queue.ts'
import type { DropIdentity } from './drop-records.ts'
import { dropId } from './known-drops.ts'
import { modifiedAtOf, type AcceptedDrop } from './prepare-drop.ts'
import { placeOf, WatchedList, writtenOnBytes, type JudgedFile } from './watched-list.ts'

export interface ChangedFile extends JudgedFile {
  /** Where it lies now. */
  readonly path: string
  readonly bytesNow: number
}

export interface LetGo {
  /** The name of the first. */
  readonly name: string
  readonly files: number
}

/** From a file's last change. */
export const watchMs = 24 * 3_600_000
/** Files that are watched at once where nothing else is said; beyond them the oldest are let go, which the log tells. */
export const watchedFilesMax = 10_000
/** Of the time since a file was judged, how much goes by before the next look. */
const ageShare = 1 / 20
/** Files that are looked at in one look: of many that were judged together some wait for the next. */
const filesPerLookMax = 1_000
/** Entries of the queue that are of no file any more, besides as many as are, before it is made anew. */
const goneMax = 1_000

interface Watched {
  readonly path: string
  readonly file: JudgedFile
  /** These by the monotonic clock. */
  readonly judgedMs: number
  readonly untilMs: number
  dueMs: number
}

export class TakenFiles {
  readonly #clock: Clock
  readonly #directory: string
  readonly #filesMax: number
  readonly #list: WatchedList
  /** By where they lie, in the order they were judged. */
  readonly #watched = new Map<string, Watched>()
  /** Among them, entries of files that are watched no more. */
  #queue = new DueQueue<Watched>()
  /** Of the watched files whose rows were taken, by drop. */
  readonly #inodes = new Map<string, number>()
  #letGo: LetGo | null = null

  constructor(clock: Clock, directory: string, filesMax: number) {
    this.#clock = clock
    this.#filesMax = filesMax
    this.#directory = directory
    this.#list = new WatchedList(directory)
    for (const file of this.#list.files) this.#watch(file)
  }

  note(file: JudgedFile): void {
    // Another file may have lain there before, which was watched.
    this.release(join(this.#directory, placeOf(file)))
    const isOld = this.#clock.nowMs() - file.identity.modifiedAtMs > watchMs
    if (isOld && file.bytes !== writtenOnBytes) return
    // What was found in it takes room, and nobody asks for it again.
    const kept = file.file === null ? file : { ...file, file: { ...file.file, findings: [] } }
    this.#watch(kept)
    this.#list.add(kept)
    if (this.#watched.size <= this.#filesMax) return
    const [oldest] = this.#watched.values()
    if (oldest === undefined) return
    const { name, files } = this.#letGo ?? { name: oldest.file.identity.name, files: 0 }
    this.#letGo = { name, files: files + 1 }
    this.release(oldest.path)
  }

  /**
   * The drop as one of its own. Where another file of its name, time and content is watched, or was retracted, its time is a
   * millisecond later: else what becomes of the other one's rows would become of its own.
   */
  asOwn(drop: AcceptedDrop): AcceptedDrop {
    let { identity } = drop
    while (this.#isOfAnother(identity, drop.inode) && identity.modifiedAtMs < eventTimeMaxMs) {
      identity = { ...identity, modifiedAtMs: identity.modifiedAtMs + 1 }
    }
    return identity === drop.identity ? drop : { ...drop, identity }
  }

  /** Of the files that are due, those that were written on; in each look, until they are released. */
  changed(): readonly ChangedFile[] {
    const nowMs = this.#clock.monotonicMs()
    const due: Watched[] = []
    while (this.#queue.nextDueMs <= nowMs && due.length < filesPerLookMax) {
      const watched = this.#queue.take()
      if (watched !== undefined && this.#watched.get(watched.path) === watched) due.push(watched)
    }
    return due.flatMap((watched) => this.#look(watched, nowMs) ?? [])
  }

  release(path: string): void {
    const watched = this.#watched.get(path)
    if (watched === undefined) return
    const { file } = watched
    this.#watched.delete(path)
    if (file.file !== null) this.#inodes.delete(idOf(file.identity))
    this.#list.remove(file)
    if (this.#queue.size > 2 * this.#watched.size + goneMax) this.#renewQueue()
  }

  /** Saved at once: a file of that name, time and content that comes later is another drop. */
  noteRetracted(identity: DropIdentity): void {
    this.#list.retract(idOf(identity))
    this.#list.save()
  }

  /** Those that were let go since it was asked last; null where none was. */
  letGo(): LetGo | null {
    const letGo = this.#letGo
    this.#letGo = null
    return letGo
  }

  save(): void {
    this.#list.save()
  }

  #watch(file: JudgedFile): void {
    const { identity, inode, judgedAtMs } = file
    const [nowMs, monotonicMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()]
    const ageMs = Math.max(0, nowMs - (judgedAtMs ?? nowMs))
    const leftMs = Math.min(identity.modifiedAtMs + watchMs - nowMs, watchMs)
    const path = join(this.#directory, placeOf(file))
    const watched: Watched = {
      path,
      file,
      judgedMs: monotonicMs - ageMs,
      untilMs: monotonicMs + leftMs,
      dueMs: monotonicMs,
    }
    this.release(path)
    this.#watched.set(path, watched)
    this.#queue.add(watched.dueMs, watched)
    if (file.file !== null) this.#inodes.set(idOf(identity), inode)
  }

  /** Null where it is as it was. */
  #look(watched: Watched, nowMs: number): ChangedFile | null {
    const { path, file, judgedMs, untilMs } = watched
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.ino !== file.inode) {
      this.release(path)
      return null
    }
    const isLonger = stats.size > file.bytes
    const isOther = stats.size !== file.bytes || modifiedAtOf(stats) !== file.identity.modifiedAtMs
    if (file.file === null ? isOther : isLonger) {
      this.#wait(watched, nowMs)
      return { ...file, path, bytesNow: stats.size }
    }
    if (nowMs >= untilMs) this.release(path)
    else this.#wait(watched, Math.min(nowMs + (nowMs - judgedMs) * ageShare, untilMs))
    return null
  }

  #wait(watched: Watched, dueMs: number): void {
    watched.dueMs = dueMs
    this.#queue.add(dueMs, watched)
  }

  #renewQueue(): void {
    this.#queue = new DueQueue()
    for (const watched of this.#watched.values()) this.#queue.add(watched.dueMs, watched)
  }

  #isOfAnother(identity: DropIdentity, inode: number): boolean {
    const id = idOf(identity)
    const watched = this.#inodes.get(id)
    return (watched !== undefined && watched !== inode) || this.#list.isRetracted(id)
  }
}

function idOf({ name, contentHash, modifiedAtMs }: DropIdentity): string {
  return dropId({ fileName: name, contentHash, modifiedAtMs })
}
