/** The cached entries of one key of a window or session store, in order of time; evicted together. */
import type { Persisted, SlotState } from './key-value-slot.ts'
import type { Evictable } from './memory-budget.ts'
import type { ReadPlan, ReadTarget } from './read-plan.ts'
import type { Held } from './task-scope.ts'

/** What a group needs of its cache. */
export interface GroupOwner {
  onFilled(slot: TimedSlot, byteCount: number): void
  onSettled(group: TimedGroup): void
  onEvicted(group: TimedGroup): void
}

/** One window (`primaryMs` is its start) or one session (`primaryMs` is its end, `secondaryMs` its start). */
export class TimedSlot implements ReadTarget {
  readonly group: TimedGroup
  readonly primaryMs: number
  readonly secondaryMs: number
  state: SlotState = 'loading'
  plan: ReadPlan | null = null
  framed: Buffer | null = null
  value: unknown = undefined
  persisted: Persisted = 'unknown'
  isDirty = false
  bytes = 0

  constructor(group: TimedGroup, primaryMs: number, secondaryMs: number) {
    this.group = group
    this.primaryMs = primaryMs
    this.secondaryMs = secondaryMs
  }

  /** A value that is here already may be newer than one read. */
  fill(framed: Buffer | null): void {
    if (this.state !== 'loading') return
    this.state = framed === null ? 'absent' : 'framed'
    this.persisted = framed === null ? 'absent' : 'present'
    this.framed = framed
    this.group.owner.onFilled(this, framed?.length ?? 0)
  }

  abandon(): void {
    if (this.state === 'loading') this.group.remove(this)
  }
}

/** Times from which to which (both inclusive) every persisted entry is in memory. */
interface Interval {
  readonly fromMs: number
  readonly toMs: number
}

export class TimedGroup implements Held {
  readonly owner: GroupOwner
  readonly keyText: string
  /** By primary, then secondary time. */
  slots: TimedSlot[] = []
  /** Disjoint, ascending. */
  #covered: Interval[] = []
  scanCount = 0
  #plan: ReadPlan | null = null
  #planned: Interval | null = null
  epoch = 0
  accountedBytes = 0
  older: Evictable | null = null
  newer: Evictable | null = null

  constructor(owner: GroupOwner, keyText: string) {
    this.owner = owner
    this.keyText = keyText
  }

  /** The index of the first slot at or after these times. */
  position(primaryMs: number, secondaryMs: number): number {
    let low = 0
    let high = this.slots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const slot = this.slots[middle]
      if (slot !== undefined && isBefore(slot, primaryMs, secondaryMs)) low = middle + 1
      else high = middle
    }
    return low
  }

  find(primaryMs: number, secondaryMs: number): TimedSlot | undefined {
    const slot = this.slots[this.position(primaryMs, secondaryMs)]
    const isIt = slot?.primaryMs === primaryMs && slot.secondaryMs === secondaryMs
    return isIt ? slot : undefined
  }

  insert(primaryMs: number, secondaryMs: number): TimedSlot {
    const slot = new TimedSlot(this, primaryMs, secondaryMs)
    this.slots.splice(this.position(primaryMs, secondaryMs), 0, slot)
    return slot
  }

  remove(slot: TimedSlot): void {
    const index = this.slots.indexOf(slot)
    if (index >= 0) this.slots.splice(index, 1)
  }

  covers(fromMs: number, toMs: number): boolean {
    if (fromMs > toMs) return true
    return this.#covered.some((interval) => interval.fromMs <= fromMs && toMs <= interval.toMs)
  }

  /** The part of [fromMs, toMs] to read: what is covered at either end is left off. */
  uncovered(fromMs: number, toMs: number): Interval {
    let from = fromMs
    let to = toMs
    for (const interval of this.#covered) {
      if (interval.fromMs <= from && from <= interval.toMs) from = interval.toMs + 1
      if (interval.fromMs <= to && to <= interval.toMs) to = interval.fromMs - 1
    }
    return { fromMs: from, toMs: to }
  }

  /** What the plan will scan; a plan that asks for more scans once more. */
  planned(plan: ReadPlan, fromMs: number, toMs: number): void {
    this.#plan = plan
    this.#planned = { fromMs, toMs }
  }

  isPlanned(plan: ReadPlan, fromMs: number, toMs: number): boolean {
    if (this.#plan !== plan || this.#planned === null) return false
    return this.#planned.fromMs <= fromMs && toMs <= this.#planned.toMs
  }

  cover(fromMs: number, toMs: number): void {
    let from = fromMs
    let to = toMs
    const apart: Interval[] = []
    for (const interval of this.#covered) {
      if (interval.toMs < from - 1 || interval.fromMs > to + 1) {
        apart.push(interval)
      } else {
        from = Math.min(from, interval.fromMs)
        to = Math.max(to, interval.toMs)
      }
    }
    apart.push({ fromMs: from, toMs: to })
    this.#covered = apart.sort((left, right) => left.fromMs - right.fromMs)
  }

  /** Forgets the slots that say nothing more than their absence, and what ended before `limitMs`. */
  prune(limitMs: number): void {
    this.slots = this.slots.filter(
      (slot) => slot.isDirty || (slot.state !== 'absent' && slot.primaryMs >= limitMs),
    )
    this.#covered = this.#covered.filter((interval) => interval.toMs >= limitMs)
  }

  isNeeded(): boolean {
    if (this.scanCount > 0) return true
    return this.slots.some((slot) => slot.isDirty || slot.state === 'loading')
  }

  get staysCached(): boolean {
    return true
  }

  settle(): void {
    this.owner.onSettled(this)
  }

  evict(): void {
    this.owner.onEvicted(this)
  }
}

function isBefore(slot: TimedSlot, primaryMs: number, secondaryMs: number): boolean {
  if (slot.primaryMs !== primaryMs) return slot.primaryMs < primaryMs
  return slot.secondaryMs < secondaryMs
}
