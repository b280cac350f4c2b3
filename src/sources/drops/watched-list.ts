/**
 * `.watched.json` of a drop folder: the files that are watched, and the drops that were retracted. A line for each change, so
 * that saving costs what has changed; once most lines are of the past it is written anew. Earlier versions kept one array.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { DroppedFile } from '../../processors/student-performance/batch.ts'
import type { DropIdentity } from './drop-records.ts'

/** Of a file that was written on between its reading and its move: whatever it has now, it is another. */
export const writtenOnBytes = -1

export interface JudgedFile {
  readonly identity: DropIdentity
  readonly inode: number
  readonly folder: 'done' | 'failed'
  /** Under which it lies there. */
  readonly name: string
  /** Of what was read; `writtenOnBytes`. */
  readonly bytes: number
  /** What its rows say of it; null where nothing of it was taken. */
  readonly file: DroppedFile | null
  /** Absent where an earlier version judged it, whose parts bear no file's name. */
  readonly judgedAtMs?: number
}

/** Lines of the past, besides as many as there are of the present, before the list is written anew. */
const pastLinesMax = 1_000
/** Retracted drops that are remembered; beyond them the oldest are forgotten. */
const retractedMax = 1_000

type Line =
  | { readonly watched: JudgedFile }
  | { readonly released: string }
  /** As of `dropId`. */
  | { readonly retracted: string }

export class WatchedList {
  readonly #path: string
  readonly #files = new Map<string, JudgedFile>()
  readonly #retracted = new Set<string>()
  readonly #unsaved = new Map<string, Line>()
  /** On the disk; Infinity where no line can be added to them. */
  #lines = 0

  constructor(directory: string) {
    this.#path = join(directory, '.watched.json')
    this.#read()
  }

  get files(): readonly JudgedFile[] {
    return [...this.#files.values()]
  }

  isRetracted(dropId: string): boolean {
    return this.#retracted.has(dropId)
  }

  add(file: JudgedFile): void {
    this.#note({ watched: file })
  }

  remove(file: JudgedFile): void {
    this.#note({ released: placeOf(file) })
  }

  retract(dropId: string): void {
    this.#note({ retracted: dropId })
  }

  save(): void {
    if (this.#unsaved.size === 0) return
    const lines = [...this.#unsaved.values()]
    const entries = this.#files.size + this.#retracted.size
    const isMostlyPast = this.#lines + lines.length > 2 * entries + pastLinesMax
    if (isMostlyPast || !this.#append(lines)) this.#writeAnew()
    this.#unsaved.clear()
  }

  /** False where the system does not let it: the list may be another user's, in a folder that is ours. */
  #append(lines: readonly Line[]): boolean {
    const before = this.#lines
    // Part of a line may be there.
    this.#lines = Infinity
    try {
      appendFileSync(this.#path, textOf(lines))
    } catch {
      return false
    }
    this.#lines = before + lines.length
    return true
  }

  #writeAnew(): void {
    const lines = [
      ...[...this.#retracted].map((retracted) => ({ retracted })),
      ...this.files.map((watched) => ({ watched })),
    ]
    writeFileSync(`${this.#path}.tmp`, textOf(lines))
    renameSync(`${this.#path}.tmp`, this.#path)
    this.#lines = lines.length
  }

  /** What comes again after it was released goes to the end. */
  #note(line: Line): void {
    const key = this.#take(line)
    this.#unsaved.delete(key)
    this.#unsaved.set(key, line)
  }

  /** @returns what the line is about */
  #take(line: Line): string {
    if ('retracted' in line) {
      this.#retracted.add(line.retracted)
      const [oldest] = this.#retracted
      if (this.#retracted.size > retractedMax && oldest !== undefined) {
        this.#retracted.delete(oldest)
      }
      return line.retracted
    }
    const place = 'watched' in line ? placeOf(line.watched) : line.released
    this.#files.delete(place)
    if ('watched' in line) this.#files.set(place, line.watched)
    return place
  }

  /** Lines that are not of this shape are left out: then what they say is not watched. */
  #read(): void {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch {
      return
    }
    const isOfEarlierVersion = text.startsWith('[')
    const found = isOfEarlierVersion ? arrayOf(text) : text.split('\n').map(parsed)
    for (const each of found) {
      const line = isOfEarlierVersion ? { watched: each } : each
      if (isLine(line)) this.#take(line)
    }
    // A line that was cut off would take the next one with it.
    const isWhole = !isOfEarlierVersion && (text === '' || text.endsWith('\n'))
    this.#lines = isWhole ? found.length : Infinity
  }
}

/** Within the folder, whatever the list says: others may write it. */
export function placeOf({ folder, name }: JudgedFile): string {
  return join(folder === 'done' ? 'done' : 'failed', basename(name))
}

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function arrayOf(text: string): readonly unknown[] {
  const found = parsed(text)
  return Array.isArray(found) ? found : []
}

function isLine(value: unknown): value is Line {
  const { watched, released, retracted } = Object(value) as Record<string, unknown>
  if (watched !== undefined) return isJudgedFile(watched)
  return typeof released === 'string' || typeof retracted === 'string'
}

function isJudgedFile(value: unknown): value is JudgedFile {
  const file = value as Partial<JudgedFile> | null
  const identity = file?.identity as Partial<DropIdentity> | undefined
  return (
    typeof identity?.name === 'string' &&
    typeof identity.contentHash === 'string' &&
    typeof identity.modifiedAtMs === 'number' &&
    typeof file?.name === 'string' &&
    typeof file.inode === 'number' &&
    typeof file.bytes === 'number' &&
    (file.file === null || typeof file.file?.batches === 'number') &&
    (file.judgedAtMs === undefined || typeof file.judgedAtMs === 'number')
  )
}
