/**
 * How far tables that have no changelog may be followed in their source topic: to where their group has committed, and
 * never beyond, for what follows is still to be processed. It is asked for again and again: nobody tells.
 */
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import type { RuntimeLimits } from '../limits.ts'
import type { ChangelogCursor } from './changelog-cursor.ts'
import { isPassing } from './passing.ts'
import type { TaskState } from './task-state.ts'

export interface SourceEndsOptions {
  readonly log: Log
  readonly clock: Clock
  readonly limits: Pick<RuntimeLimits, 'sourceEndsIntervalMs'>
  readonly states: ReadonlyMap<string, TaskState>
  /** There is something to read where there was nothing. */
  readonly onMoved: () => void
  readonly onFailure: (failure: unknown) => void
}

export class SourceEnds {
  readonly #options: SourceEndsOptions
  /** Groups whose answer is awaited: one that waits for an open transaction holds up no other. */
  readonly #asked = new Set<string>()
  #cancel: (() => void) | null = null
  #isClosed = false

  constructor(options: SourceEndsOptions) {
    this.#options = options
  }

  open(): void {
    if (this.#isClosed) return
    const { clock, limits } = this.#options
    this.#cancel = clock.after(Math.max(1, limits.sourceEndsIntervalMs), () => {
      this.#look()
      this.open()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#cancel?.()
  }

  #look(): void {
    const cursors = [...this.#options.states.values()]
      .filter(({ mode }) => mode === 'standby')
      .flatMap((state) => state.cursors ?? [])
    const byGroup = Map.groupBy(cursors, ({ changelog }) => changelog.source?.groupId ?? null)
    for (const [groupId, ofGroup] of byGroup) {
      if (groupId === null || this.#asked.has(groupId)) continue
      this.#asked.add(groupId)
      this.#ask(groupId, ofGroup).then(
        () => this.#asked.delete(groupId),
        (failure: unknown) => {
          this.#asked.delete(groupId)
          if (!this.#isClosed && !isPassing(failure)) this.#options.onFailure(failure)
        },
      )
    }
  }

  async #ask(groupId: string, cursors: readonly ChangelogCursor[]): Promise<void> {
    const places = cursors.map(({ at }) => at)
    const committed = await this.#options.log.committedOffsets(groupId, places)
    if (this.#isClosed) return
    let hasMoved = false
    for (const [index, cursor] of cursors.entries()) {
      const end = committed[index]?.offset ?? cursor.endOffset
      if (end <= cursor.endOffset) continue
      hasMoved ||= cursor.fetchOffset >= cursor.endOffset
      cursor.endOffset = end
    }
    if (hasMoved) this.#options.onMoved()
  }
}
