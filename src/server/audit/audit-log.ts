/**
 * Who asked what, a line of JSON each, in a file of the data directory.
 *
 *  1. Whoever asks never waits for it: lines are written in the order in which they came, behind the answers.
 *  2. Bounded on the disk: a full file takes the place of the one before it, `audit.1.jsonl`.
 *  3. Bounded in memory: lines that cannot be written, as on a full disk, wait; beyond `waitingLinesMax` they are left out,
 *     and a line says how many. The operator is told when writing begins to fail.
 */
import { appendFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Door } from '../access/roles.ts'

export interface AuditEntry {
  readonly door: Door | 'command'
  /** As they have proved or, of a command, as the system knows them; null where nobody has to say. */
  readonly user: string | null
  /** The name of a user that nobody has proved to be. */
  readonly tried?: string
  /** Where from; null for the process itself. */
  readonly address: string | null
  /** The statement, the method and path, or the command. */
  readonly asked: string
  /** What came with it. */
  readonly request?: unknown
  /** `ok`, or what it was refused or failed with. */
  readonly outcome: string
}

export interface AuditLog {
  record(entry: AuditEntry): void
  /** Resolves when what was recorded is written, or cannot be. */
  close(): Promise<void>
}

export interface AuditLogOptions {
  readonly dataDir: string
  readonly clock: Clock
  /** A line for the operator. */
  readonly onFailure: (line: string) => void
  readonly fileBytesMax?: number
  readonly waitingLinesMax?: number
}

export const auditFile = 'audit.jsonl'
export const auditFileBefore = 'audit.1.jsonl'
const defaults = { fileBytesMax: 16 * 1024 * 1024, waitingLinesMax: 10_000 }
/** Of what was asked, and of what came with it. */
const charactersMax = 8_192

export function openAuditLog(options: AuditLogOptions): AuditLog {
  return new FileAuditLog(options)
}

class FileAuditLog implements AuditLog {
  readonly #options: AuditLogOptions & typeof defaults
  readonly #path: string
  #waiting: string[] = []
  #leftOut = 0
  #writing: Promise<void> | null = null
  #fileBytes: number | null = null
  #isFailing = false

  constructor(options: AuditLogOptions) {
    this.#options = { ...defaults, ...options }
    this.#path = join(options.dataDir, auditFile)
  }

  record(entry: AuditEntry): void {
    if (this.#waiting.length >= this.#options.waitingLinesMax) this.#leftOut += 1
    else this.#waiting.push(this.#lineOf(entry))
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null
    })
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#write()
  }

  #lineOf({ door, user, tried, address, asked, request, outcome }: AuditEntry): string {
    const at = this.#at()
    const cut = {
      asked: cutText(asked),
      ...(request === undefined ? {} : { request: cutJson(request) }),
    }
    return `${JSON.stringify({ at, door, user, tried, address, ...cut, outcome })}\n`
  }

  #at(): string {
    return new Date(this.#options.clock.nowMs()).toISOString()
  }

  /** Ends when nothing waits, or at the first failure: the next entry tries again. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      const leftOut = this.#leftOut
      if (leftOut > 0) lines.push(`${JSON.stringify({ at: this.#at(), left_out: leftOut })}\n`)
      this.#waiting = []
      this.#leftOut = 0
      try {
        await this.#append(lines.join(''))
        this.#isFailing = false
      } catch (thrown) {
        if (leftOut > 0) lines.pop()
        this.#leftOut += leftOut
        this.#waiting = [...lines, ...this.#waiting]
        this.#tell(thrown)
        return
      }
    }
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text)
    this.#fileBytes ??= await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    )
    if (this.#fileBytes > 0 && this.#fileBytes + bytes > this.#options.fileBytesMax) {
      await rename(this.#path, join(this.#options.dataDir, auditFileBefore))
      this.#fileBytes = 0
    }
    await appendFile(this.#path, text)
    this.#fileBytes += bytes
  }

  #tell(thrown: unknown): void {
    if (!this.#isFailing) {
      this.#options.onFailure(
        `${this.#path}: who asks what cannot be written: ${messageOf(thrown)}; it waits, and is tried again`,
      )
    }
    this.#isFailing = true
  }
}

function cutText(text: string): string {
  if (text.length <= charactersMax) return text
  return `${text.slice(0, charactersMax)} … (${text.length} characters)`
}

function cutJson(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text.length <= charactersMax ? value : cutText(text)
}
