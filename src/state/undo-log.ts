/**
 * What takes the writes of one record back, in the reverse of their order. Stores note each write while the log is
 * open. One record at a time: who goes on later, after others may have written, closes the log and opens it again.
 */
import { assert } from '../core/assert.ts'

export type Undo = () => void

export class UndoLog {
  #entries: Undo[] | null = null

  get isOpen(): boolean {
    return this.#entries !== null
  }

  /** @param entries of a log that was closed before */
  open(entries: Undo[] = []): void {
    assert(this.#entries === null, 'one record at a time can be taken back')
    this.#entries = entries
  }

  note(undo: Undo): void {
    this.#entries?.push(undo)
  }

  /** What was noted; the writes stay unless it is opened again and taken back. */
  close(): Undo[] {
    const entries = this.#entries ?? []
    this.#entries = null
    return entries
  }

  takeBack(): void {
    for (const undo of this.close().reverse()) undo()
  }
}
