/**
 * Tables that are gone while a consumer runs: a ClickHouse restored from nothing, a database dropped. It is told, they are
 * made anew as at a start, and it is told again once they hold what their topics hold.
 */
import { pause, type Clock } from '../core/clock.ts'
import type { PartitionOffset } from '../log/log.ts'
import type { FactPositions } from './fact-positions.ts'
import { isTableLost } from './lost-table.ts'
import { passes } from './passing.ts'
import type { WrittenFacts } from './written-facts.ts'

export interface LostTablesOptions {
  readonly clock: Clock
  /** Of the consumer. */
  readonly name: string
  /** Makes them, and whatever else a start makes. Harmless where they are there. */
  readonly makeAnew: () => Promise<void>
  /** Of this member. */
  readonly positions: FactPositions
  readonly written: Pick<WrittenFacts, 'refreshLag'>
  /** A line for the operator. */
  readonly tell?: (line: string) => void
}

/** Between attempts to make them. */
const retryMs = 1_000
/** Texts until all is well again: what stands in the way may be told in ever other words. */
const toldMax = 20
const whatFollows = 'what is lost is made anew and filled from its topics'

export class LostTables {
  readonly #options: LostTablesOptions
  /** What says that some are gone; null while none are. */
  #why: string | null = null
  /** What keeps them from being made. */
  #obstacle: string | null = null
  /** Where the topics ended when the tables were there again; null while there is nothing to fill. */
  #ends: readonly PartitionOffset[] | null = null
  readonly #told = new Set<string>()
  #madeAnew = 0

  constructor(options: LostTablesOptions) {
    this.#options = options
  }

  /** Why facts are missing; null while none are. */
  get reason(): string | null {
    if (this.#why !== null) return `${this.#why}; ${this.#obstacle ?? whatFollows}`
    return this.#ends === null ? null : 'tables that were lost are filled from their topics'
  }

  /** Some are gone, or were when it was last looked. */
  get areGone(): boolean {
    return this.#why !== null
  }

  /** Tables, since the start. */
  get madeAnew(): number {
    return this.#madeAnew
  }

  found({ message }: Error): void {
    this.#why = message
    this.#tellReason()
  }

  /** What the look finds once all are there; they are made until then. Null where the signal is aborted before, or nobody
   * answers and none is known to be gone.
   * @throws what the look and the set-up throw and does not pass */
  async onceThere<Found>(
    look: () => Promise<Found | null>,
    signal: AbortSignal,
  ): Promise<Found | null> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const found = await look()
        if (found !== null || !this.areGone) return found
      } catch (thrown) {
        if (!isTableLost(thrown)) throw thrown
        this.found(thrown)
      }
      await this.#options.written.refreshLag()
      if (attempt > 0) await pause(this.#options.clock, retryMs, signal)
      await this.#makeAnew(signal)
    }
    return null
  }

  /** Before tables that are others than before are read for, whoever has made them: with the set-up go the epochs that this
   * instance writes with, which one that starts later has to find. False where the signal is aborted before.
   * @throws what the set-up throws and does not pass */
  async makeWhole(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      await this.#makeAnew(signal)
      if (signal.aborted) return false
      if (this.#obstacle === null) return true
      await pause(this.#options.clock, retryMs, signal)
    }
  }

  /** What stands in its way and passes is told. */
  async #makeAnew(signal: AbortSignal): Promise<void> {
    const done = this.#options.makeAnew()
    // One that hangs does not keep a stop, and what it still says is nobody's then.
    done.catch(() => {})
    try {
      await unlessAborted(done, signal)
      this.#obstacle = null
    } catch (thrown) {
      if (!passes(thrown) && !isTableLost(thrown)) throw thrown
      this.#obstacle = thrown.message
      this.#tellReason()
    }
  }

  /** All are there, and are read for.
   * @param others how many of them are others than before
   * @param ends of their topics: once these are written, nothing is missing */
  async areThere(
    others: number,
    ends: readonly PartitionOffset[],
    signal: AbortSignal,
  ): Promise<void> {
    // A write was refused for want of a table that is none of ours: the next one may go in.
    if (others === 0) await pause(this.#options.clock, retryMs, signal)
    this.#why = null
    this.#madeAnew += others
    this.#ends = ends
    await this.#options.written.refreshLag()
  }

  /** Whether what was lost is filled by now. */
  look(): void {
    if (this.#ends === null || this.#why !== null) return
    // What is another member's by now, that one tells.
    const isMissing = ({ offset, ...at }: PartitionOffset) =>
      (this.#options.positions.get(at)?.written ?? offset) < offset
    if (this.#ends.some(isMissing)) return
    this.#ends = null
    this.#told.clear()
    this.#tell('the tables that were lost hold what their topics hold again')
  }

  /** Each once, until all is well again. */
  #tellReason(): void {
    const text = this.reason
    if (text === null || this.#told.has(text) || this.#told.size >= toldMax) return
    this.#told.add(text)
    this.#tell(text)
  }

  #tell(text: string): void {
    const { name, tell } = this.#options
    tell?.(`facts of ${name}: ${text}`)
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<undefined>()
  const end = () => {
    ended.resolve(undefined)
  }
  if (signal.aborted) return
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([work, ended.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
