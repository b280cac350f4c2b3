/**
 * The cached layer of window and session stores: the entries of a key, by time, decoded and written back at
 * the commit. The expiry index holds exactly one entry for each persisted one, so updates do not touch it.
 *
 * Invariants:
 *  1. A dirty slot is in `#dirty` once, and its group is pinned.
 *  2. A value read from the backend never replaces one that is here: it may be older.
 *  3. What has a primary time before stream time − retention is absent for every reader, swept or not, and
 *     is never written.
 */
import { assert } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import type { StateChange } from '../core/state.ts'
import type { StoreName } from '../core/record.ts'
import { decodedBytesFactor, newValueBytes } from './accounted-bytes.ts'
import {
  dataKey,
  emptyValue,
  frameValue,
  indexKey,
  readTime,
  successor,
  timeBytes,
  unframeValue,
} from './key-layout.ts'
import type { ReadPlan } from './read-plan.ts'
import type { StoreMeter } from './store-meter.ts'
import type { TaskScope } from './task-scope.ts'
import { TimedGroup } from './timed-group.ts'
import type { GroupOwner, TimedSlot } from './timed-group.ts'

/** Approximate bytes of a group and its key, and of a slot in it, without the values. */
const groupBytes = 360
const slotBytes = 140
/** One read of the backend brings so many entries at most. */
export const pageEntriesMax = 1024

export interface TimedShape {
  readonly name: StoreName
  readonly valueSerde: Serde<unknown>
  readonly retentionMs: number
  /** How many times the suffix holds: 1 for windows, 2 for sessions. */
  readonly suffixTimes: 1 | 2
  /** How a processor asks for what is missing; ends the message of STORE_KEY_NOT_LOADED. */
  readonly remedy: string
}

export class TimedCache implements GroupOwner {
  readonly shape: TimedShape
  readonly scope: TaskScope
  readonly meter: StoreMeter
  readonly #groups = new Map<string, TimedGroup>()
  #dirty: TimedSlot[] = []
  #committing: TimedSlot[] = []

  constructor(shape: TimedShape, scope: TaskScope, meter: StoreMeter) {
    this.shape = shape
    this.scope = scope
    this.meter = meter
  }

  get dirtyCount(): number {
    return this.#dirty.length
  }

  /** Entries with an earlier primary time are over. */
  get limitMs(): number {
    return this.scope.streamTimeMs - this.shape.retentionMs
  }

  /** The value at these times; undefined where there is none. @throws TidemarkError STORE_KEY_NOT_LOADED */
  get(keyText: string, primaryMs: number, secondaryMs: number): unknown {
    if (primaryMs < this.limitMs) return undefined
    const group = this.#touched(keyText)
    const slot = group?.find(primaryMs, secondaryMs)
    if (slot !== undefined && slot.state !== 'loading') return this.valueOf(slot)
    if (group?.covers(primaryMs, primaryMs) !== true) throw this.#notLoaded(keyText)
    return undefined
  }

  /** Slots with a value and a primary time in [fromMs, toMs], ascending.
   * @throws TidemarkError STORE_KEY_NOT_LOADED */
  between(keyText: string, fromMs: number, toMs: number): TimedSlot[] {
    const from = Math.max(fromMs, this.limitMs)
    if (from > toMs) return []
    const group = this.#touched(keyText)
    const isPoint = from === toMs && this.shape.suffixTimes === 1
    const point = isPoint ? group?.find(from, 0) : undefined
    const isKnown = point !== undefined && point.state !== 'loading'
    if (group === undefined || !(isKnown || group.covers(from, toMs)))
      throw this.#notLoaded(keyText)
    const found: TimedSlot[] = []
    for (let index = group.position(from, -Infinity); index < group.slots.length; index += 1) {
      const slot = group.slots[index]
      if (slot === undefined || slot.primaryMs > toMs) break
      if (slot.state !== 'absent' && slot.state !== 'loading') found.push(slot)
    }
    return found
  }

  valueOf(slot: TimedSlot): unknown {
    if (slot.state === 'framed') {
      assert(slot.framed !== null, 'a framed slot has bytes')
      const bytes = unframeValue(slot.framed, this.shape.name)
      slot.value = this.shape.valueSerde.deserialize(bytes)
      slot.framed = null
      slot.state = 'decoded'
    }
    return slot.value
  }

  put(keyText: string, primaryMs: number, secondaryMs: number, value: unknown): void {
    assert(
      value !== undefined,
      `store ${this.shape.name}: a value is put, or deleted, not undefined`,
    )
    if (primaryMs < this.limitMs) {
      this.meter.expiredPutCount += 1
      return
    }
    const slot = this.#writable(keyText, primaryMs, secondaryMs)
    slot.state = 'decoded'
    slot.value = value
  }

  delete(keyText: string, primaryMs: number, secondaryMs: number): void {
    if (primaryMs < this.limitMs) return
    const slot = this.#writable(keyText, primaryMs, secondaryMs)
    slot.state = 'absent'
    slot.value = undefined
  }

  #writable(keyText: string, primaryMs: number, secondaryMs: number): TimedSlot {
    const group = this.#touched(keyText) ?? this.#newGroup(keyText)
    let slot = group.find(primaryMs, secondaryMs)
    const isNew = slot === undefined
    if (slot === undefined) {
      slot = group.insert(primaryMs, secondaryMs)
      if (group.covers(primaryMs, primaryMs)) slot.persisted = 'absent'
      this.#accountSlot(slot, slotBytes + newValueBytes)
    }
    if (this.scope.undo.isOpen) this.#noteUndo(slot, isNew)
    slot.framed = null
    if (!slot.isDirty) {
      slot.isDirty = true
      this.#dirty.push(slot)
    }
    return slot
  }

  #noteUndo(slot: TimedSlot, isNew: boolean): void {
    const { state, framed, value, isDirty } = slot
    this.scope.undo.note(() => {
      if (!isDirty) {
        slot.isDirty = false
        this.#dirty.splice(this.#dirty.lastIndexOf(slot), 1)
      }
      if (isNew) {
        this.#accountSlot(slot, 0)
        slot.group.remove(slot)
      } else Object.assign(slot, { state, framed, value })
    })
  }

  #touched(keyText: string): TimedGroup | undefined {
    const group = this.#groups.get(keyText)
    if (group !== undefined && group.epoch !== this.scope.epoch) this.scope.touch(group)
    return group
  }

  #newGroup(keyText: string): TimedGroup {
    const group = new TimedGroup(this, keyText)
    this.#groups.set(keyText, group)
    this.scope.touch(group)
    this.scope.budget.account(group, groupBytes + keyText.length)
    return group
  }

  /** Adds to the plan what is not in memory of the key's entries with a primary time in [fromMs, toMs]. */
  plan(keyText: string, fromMs: number, toMs: number, plan: ReadPlan): void {
    const from = Math.max(fromMs, this.limitMs)
    const group = this.#touched(keyText) ?? this.#newGroup(keyText)
    const isPoint = from === toMs && this.shape.suffixTimes === 1
    const point = isPoint ? group.find(from, 0) : undefined
    if (group.covers(from, toMs) || (point !== undefined && point.state !== 'loading')) {
      this.meter.hitCount += 1
      return
    }
    if (point?.plan === plan || group.isPlanned(plan, from, toMs)) {
      plan.join()
      return
    }
    this.meter.missCount += 1
    if (isPoint) {
      const { partition } = this.scope
      const read = { store: this.shape.name, partition, key: dataKey(keyText, from) }
      plan.read(read, point ?? group.insert(from, 0))
    } else {
      const missing = group.uncovered(from, toMs)
      group.planned(plan, missing.fromMs, missing.toMs)
      // Counted from now on, not from the start of the scan: a commit before the plan runs must not evict it.
      group.scanCount += 1
      plan.scan(() => this.#scan(group, missing.fromMs, missing.toMs))
    }
  }

  async #scan(group: TimedGroup, fromMs: number, toMs: number): Promise<void> {
    const { name: store, suffixTimes } = this.shape
    const { backend, partition } = this.scope
    const { keyText } = group
    const isSession = suffixTimes === 2
    let from = isSession ? dataKey(keyText, fromMs, -Infinity) : dataKey(keyText, fromMs)
    const to = successor(isSession ? dataKey(keyText, toMs, Infinity) : dataKey(keyText, toMs))
    try {
      for (;;) {
        const entriesMax = pageEntriesMax
        const page = await backend.scan({ store, partition, from, to, entriesMax })
        if (this.#groups.get(keyText) !== group) return
        for (const { key, value } of page) this.#adopt(group, key, value)
        const last = page.at(-1)
        if (last === undefined || page.length < entriesMax) break
        from = successor(last.key)
      }
      group.cover(fromMs, toMs)
    } finally {
      group.scanCount -= 1
    }
  }

  #adopt(group: TimedGroup, key: Buffer, framed: Buffer): void {
    const suffixStart = key.length - this.shape.suffixTimes * timeBytes
    // One key may be a prefix of another, whose entries then stand between ours. Both bounds of the scan begin
    // with our key, so all that it meets does, and the length tells.
    if (suffixStart !== 1 + group.keyText.length) return
    const primaryMs = readTime(key, suffixStart)
    const secondaryMs = this.shape.suffixTimes === 2 ? readTime(key, suffixStart + timeBytes) : 0
    const slot = group.find(primaryMs, secondaryMs) ?? group.insert(primaryMs, secondaryMs)
    slot.fill(framed)
  }

  /** The slot of an entry, for the value of a read that was made beside the plan; pinned. */
  slotFor(keyText: string, primaryMs: number): TimedSlot {
    const group = this.#touched(keyText) ?? this.#newGroup(keyText)
    return group.find(primaryMs, 0) ?? group.insert(primaryMs, 0)
  }

  /** What is in memory, without touching it. */
  peek(keyText: string, primaryMs: number): TimedSlot | undefined {
    return this.#groups.get(keyText)?.find(primaryMs, 0)
  }

  /** Slots with a value that the backend may not hold yet. */
  uncommitted(): TimedSlot[] {
    return [...this.#dirty, ...this.#committing].filter((slot) => slot.state === 'decoded')
  }

  /** Serializes every dirty entry, once. */
  takeChanges(changes: StateChange[]): void {
    for (const slot of this.#dirty) {
      slot.isDirty = false
      // The sweep may have passed the place of an expired entry in the index: it must not be written there.
      if (slot.state === 'absent' || slot.primaryMs < this.limitMs) this.#remove(slot, changes)
      else this.#write(slot, changes)
    }
    this.#committing = this.#dirty
    this.#dirty = []
  }

  #write(slot: TimedSlot, changes: StateChange[]): void {
    assert(slot.state === 'decoded', 'a dirty slot is decoded or absent')
    const { name: store, valueSerde } = this.shape
    const { partition } = this.scope
    const value = frameValue(valueSerde.serialize(slot.value))
    changes.push({ store, partition, key: this.#dataKey(slot), value })
    if (slot.persisted !== 'present') {
      changes.push({ store, partition, key: this.#indexKey(slot), value: emptyValue })
    }
    slot.persisted = 'present'
    this.meter.writtenBytes += value.length
    this.#accountSlot(slot, slotBytes + decodedBytesFactor * value.length)
  }

  #remove(slot: TimedSlot, changes: StateChange[]): void {
    if (slot.persisted !== 'absent') {
      const { name: store } = this.shape
      const { partition } = this.scope
      changes.push({ store, partition, key: this.#dataKey(slot), value: null })
      changes.push({ store, partition, key: this.#indexKey(slot), value: null })
    }
    slot.state = 'absent'
    slot.value = undefined
    slot.persisted = 'absent'
  }

  #dataKey({ group, primaryMs, secondaryMs }: TimedSlot): Buffer {
    return this.shape.suffixTimes === 1
      ? dataKey(group.keyText, primaryMs)
      : dataKey(group.keyText, primaryMs, secondaryMs)
  }

  #indexKey({ group, primaryMs, secondaryMs }: TimedSlot): Buffer {
    return this.shape.suffixTimes === 1
      ? indexKey(group.keyText, primaryMs)
      : indexKey(group.keyText, primaryMs, secondaryMs)
  }

  committed(): void {
    this.#committing = []
  }

  discard(): void {
    for (const group of this.#groups.values()) this.scope.budget.forget(group)
    this.#groups.clear()
    this.#dirty = []
    this.#committing = []
  }

  onFilled(slot: TimedSlot, byteCount: number): void {
    // A read that ends after a discard fills a group that nobody holds any more.
    if (this.#groups.get(slot.group.keyText) !== slot.group) return
    this.meter.readBytes += byteCount
    this.#accountSlot(slot, slotBytes + decodedBytesFactor * byteCount)
  }

  onSettled(group: TimedGroup): void {
    group.prune(this.limitMs)
    const slotsBytes = group.slots.reduce((sum, slot) => sum + slot.bytes, 0)
    this.scope.budget.account(group, groupBytes + group.keyText.length + slotsBytes)
  }

  onEvicted(group: TimedGroup): void {
    this.#groups.delete(group.keyText)
    this.meter.evictedCount += 1
  }

  #accountSlot(slot: TimedSlot, bytes: number): void {
    this.scope.budget.account(slot.group, slot.group.accountedBytes + bytes - slot.bytes)
    slot.bytes = bytes
  }

  #notLoaded(keyText: string): TidemarkError {
    const key = JSON.stringify(keyText)
    return new TidemarkError(
      'STORE_KEY_NOT_LOADED',
      `store ${this.shape.name}: the asked times of key ${key} are neither loaded nor written; ` +
        this.shape.remedy,
      { details: { store: this.shape.name, partition: this.scope.partition, key } },
    )
  }
}
