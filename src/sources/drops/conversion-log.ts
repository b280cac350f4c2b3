/** `conversion_log.txt` of a drop folder: a line for each thing that became of a file, for people and for `grep`. */
import { appendFileSync, renameSync, statSync } from 'node:fs'

export interface ConversionLine {
  readonly atMs: number
  /**
   * `retracted` what was taken of it counts no more, because it was written on; `again` it was refused and is judged again;
   * `left` it is no file; `unwatched` whether it is written on is not looked at.
   */
  readonly outcome: 'done' | 'duplicate' | 'failed' | 'retracted' | 'again' | 'left' | 'unwatched'
  readonly file: string
  /** In this order behind the file's name. */
  readonly details: Readonly<Record<string, string | number>>
}

/** Then the log goes on in a new file, and the one before it is kept. */
const bytesMax = 64 * 1024 * 1024

export class ConversionLog {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** In one write. After a crash the last lines may be written again. */
  append(lines: readonly ConversionLine[]): void {
    if (lines.length === 0) return
    const stats = statSync(this.#path, { throwIfNoEntry: false })
    if (stats !== undefined && stats.size > bytesMax) renameSync(this.#path, `${this.#path}.1`)
    appendFileSync(this.#path, lines.map(textOf).join(''))
  }
}

function textOf({ atMs, outcome, file, details }: ConversionLine): string {
  const words = Object.entries(details).map(([name, value]) => `${name}=${quoted(String(value))}`)
  return `${[new Date(atMs).toISOString(), outcome, quoted(file), ...words].join(' ')}\n`
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
