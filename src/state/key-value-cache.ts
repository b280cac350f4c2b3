/**
 * The cached layer of a key-value store: decoded values by serialized key (as latin1 text), written back at
 * the commit. It owns what is in memory and how it becomes state changes; keys' types are the layer above,
 * counting calls the one above that.
 *
 * Invariants:
 *  1. A dirty slot is in `#dirty` once, and pinned; what is in `#committing` is pinned too.
 *  2. A value read from the backend never replaces one that is here: it may be older.
 *  3. An entry whose write time is before stream time − TTL is absent for every reader, swept or not.
 */
import { assert } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { StateChange } from '../core/state.ts'
import { decodedBytesFactor, newValueBytes } from './accounted-bytes.ts'
import {
  dataKey,
  emptyValue,
  frameTimedValue,
  frameValue,
  indexKey,
  timeUnknownMs,
  unframeValue,
} from './key-layout.ts'
import { KeyValueSlot } from './key-value-slot.ts'
import type { SlotOwner } from './key-value-slot.ts'
import { ReadPlan } from './read-plan.ts'
import type { StoreMeter } from './store-meter.ts'
import type { KeyValueStoreDefinition } from './stores.ts'
import type { TaskScope } from './task-scope.ts'

/** Approximate bytes of a slot, its key and its place in the map, without the value. */
const slotBytes = 240
/** How many index times a TTL is divided into: an entry written again within one of them needs no new index
 * entry, and is deleted at most that much later. */
const indexStepsPerTtl = 64

export class KeyValueCache implements SlotOwner {
  readonly scope: TaskScope
  readonly meter: StoreMeter
  readonly caching: boolean
  readonly #definition: KeyValueStoreDefinition
  readonly #indexStepMs: number
  readonly #slots = new Map<string, KeyValueSlot>()
  #dirty: KeyValueSlot[] = []
  #committing: KeyValueSlot[] = []

  constructor(definition: KeyValueStoreDefinition, scope: TaskScope, meter: StoreMeter) {
    this.#definition = definition
    this.scope = scope
    this.meter = meter
    this.caching = definition.caching ?? true
    this.#indexStepMs = Math.max(1, Math.floor((definition.ttlMs ?? 0) / indexStepsPerTtl))
  }

  get dirtyCount(): number {
    return this.#dirty.length
  }

  /** The slot of a loaded or written key, pinned; undefined where the key is neither. */
  find(keyText: string): KeyValueSlot | undefined {
    const slot = this.#slots.get(keyText)
    if (slot === undefined || slot.state === 'loading') return undefined
    if (slot.epoch !== this.scope.epoch) this.scope.touch(slot)
    return slot
  }

  /** The slot's value; undefined where it has none or the value has expired. */
  valueOf(slot: KeyValueSlot): unknown {
    if (slot.state === 'absent' || this.isExpired(slot.writtenMs)) return undefined
    if (slot.state === 'framed') {
      assert(slot.framed !== null, 'a framed slot has bytes')
      const bytes = unframeValue(slot.framed, this.#definition.name)
      slot.value = this.#definition.valueSerde.deserialize(bytes)
      slot.framed = null
      slot.state = 'decoded'
    }
    return slot.value
  }

  isExpired(writtenMs: number): boolean {
    const { ttlMs } = this.#definition
    return ttlMs !== null && writtenMs < this.scope.streamTimeMs - ttlMs
  }

  put(keyText: string, value: unknown): void {
    assert(
      value !== undefined,
      `store ${this.#definition.name}: a value is put, or deleted, not undefined`,
    )
    const slot = this.#writable(keyText)
    slot.state = 'decoded'
    slot.value = value
    const { streamTimeMs } = this.scope
    slot.writtenMs = streamTimeMs === -Infinity ? timeUnknownMs : streamTimeMs
  }

  delete(keyText: string): void {
    const slot = this.#writable(keyText)
    slot.state = 'absent'
    slot.value = undefined
    slot.writtenMs = timeUnknownMs
  }

  #writable(keyText: string): KeyValueSlot {
    const known = this.#slots.get(keyText)
    const slot = known ?? this.#newSlot(keyText, newValueBytes)
    if (slot.epoch !== this.scope.epoch) this.scope.touch(slot)
    if (this.scope.undo.isOpen) this.#noteUndo(slot, known === undefined)
    slot.framed = null
    if (!slot.isDirty) {
      slot.isDirty = true
      this.#dirty.push(slot)
    }
    return slot
  }

  #noteUndo(slot: KeyValueSlot, isNew: boolean): void {
    const { state, framed, value, writtenMs, isDirty } = slot
    this.scope.undo.note(() => {
      if (!isDirty) {
        slot.isDirty = false
        this.#dirty.splice(this.#dirty.lastIndexOf(slot), 1)
      }
      // What the backend holds under a key that was written without being read is not known.
      if (isNew) this.onAbandoned(slot)
      else Object.assign(slot, { state, framed, value, writtenMs })
    })
  }

  #newSlot(keyText: string, valueBytes: number): KeyValueSlot {
    const slot = new KeyValueSlot(this, keyText)
    this.#slots.set(keyText, slot)
    this.scope.touch(slot)
    this.scope.budget.account(slot, slotBytes + keyText.length + valueBytes)
    return slot
  }

  /** Adds the read of the key to the plan where the key is not in memory. */
  plan(keyText: string, plan: ReadPlan): void {
    const found = this.#slots.get(keyText)
    if (found !== undefined && found.epoch !== this.scope.epoch) this.scope.touch(found)
    if (found !== undefined && found.state !== 'loading') {
      this.meter.hitCount += 1
      return
    }
    if (found?.plan === plan) {
      plan.join()
      return
    }
    // A key that another read is under way for is read once more: waiting for that one would tie their fates.
    this.meter.missCount += 1
    const { name: store } = this.#definition
    const key = dataKey(keyText)
    plan.read({ store, partition: this.scope.partition, key }, found ?? this.#newSlot(keyText, 0))
  }

  async load(keyTexts: readonly string[]): Promise<void> {
    const plan = new ReadPlan()
    for (const keyText of keyTexts) this.plan(keyText, plan)
    await plan.run(this.scope.backend)
    this.scope.budget.shrink()
  }

  /** The slot of an entry that a scan has met: the one in memory where there is one (invariant 2). */
  adopt(keyText: string, framed: Buffer): KeyValueSlot {
    const slot = this.#slots.get(keyText) ?? this.#newSlot(keyText, 0)
    if (slot.epoch !== this.scope.epoch) this.scope.touch(slot)
    slot.fill(framed)
    return slot
  }

  /** What is in memory, without touching it. */
  peek(keyText: string): KeyValueSlot | undefined {
    return this.#slots.get(keyText)
  }

  /** Slots that the backend may not hold as they are, with a key in [from, to). */
  uncommitted(from: string, to: string | null): KeyValueSlot[] {
    const inRange = ({ keyText }: KeyValueSlot) => keyText >= from && (to === null || keyText < to)
    const slots = this.#dirty.filter(inRange)
    for (const slot of this.#committing) if (!slot.isDirty && inRange(slot)) slots.push(slot)
    return slots
  }

  /** Serializes every dirty entry, once. */
  takeChanges(changes: StateChange[]): void {
    for (const slot of this.#dirty) {
      slot.isDirty = false
      // The sweep may have passed the place of an expired entry in the index: it must not be written there.
      if (slot.state === 'absent' || this.isExpired(slot.writtenMs))
        this.#changeToAbsent(slot, changes)
      else this.#changeToValue(slot, changes)
    }
    this.#committing = this.#dirty
    this.#dirty = []
  }

  #changeToValue(slot: KeyValueSlot, changes: StateChange[]): void {
    assert(slot.state === 'decoded', 'a dirty slot is decoded or absent')
    const { name: store, ttlMs, valueSerde } = this.#definition
    const { partition } = this.scope
    const bytes = valueSerde.serialize(slot.value)
    const value = ttlMs === null ? frameValue(bytes) : frameTimedValue(bytes, slot.writtenMs)
    changes.push({ store, partition, key: dataKey(slot.keyText), value })
    if (ttlMs !== null) {
      const indexMs = this.indexMsOf(slot.writtenMs)
      const oldIndexMs = this.#persistedIndexMs(slot)
      if (indexMs !== oldIndexMs) {
        this.#deleteIndex(slot.keyText, oldIndexMs, changes)
        if (indexMs !== null) {
          const key = indexKey(slot.keyText, indexMs)
          changes.push({ store, partition, key, value: emptyValue })
        }
      }
    }
    slot.persisted = 'present'
    slot.persistedWrittenMs = slot.writtenMs
    this.meter.writtenBytes += value.length
    this.#accountValue(slot, value.length)
  }

  #changeToAbsent(slot: KeyValueSlot, changes: StateChange[]): void {
    if (slot.persisted !== 'absent') {
      const { name: store, ttlMs } = this.#definition
      const { partition } = this.scope
      changes.push({ store, partition, key: dataKey(slot.keyText), value: null })
      if (ttlMs !== null) this.#deleteIndex(slot.keyText, this.#persistedIndexMs(slot), changes)
    }
    slot.state = 'absent'
    slot.value = undefined
    slot.persisted = 'absent'
    slot.persistedWrittenMs = timeUnknownMs
    this.#accountValue(slot, 0)
  }

  #deleteIndex(keyText: string, indexMs: number | null, changes: StateChange[]): void {
    if (indexMs === null) return
    const { name: store } = this.#definition
    const { partition } = this.scope
    changes.push({ store, partition, key: indexKey(keyText, indexMs), value: null })
  }

  /** The time under which the index lists an entry: never before its write time. */
  indexMsOf(writtenMs: number): number | null {
    if (writtenMs === timeUnknownMs) return null
    return Math.ceil(writtenMs / this.#indexStepMs) * this.#indexStepMs
  }

  /** Null where the index entry is not known; the sweep then meets it and sees that it is stale. */
  #persistedIndexMs(slot: KeyValueSlot): number | null {
    return slot.persisted === 'present' ? this.indexMsOf(slot.persistedWrittenMs) : null
  }

  committed(): void {
    this.#committing = []
  }

  discard(): void {
    for (const slot of this.#slots.values()) {
      // A read under way finds that nobody waits for it.
      if (slot.state === 'loading') slot.state = 'absent'
      this.scope.budget.forget(slot)
    }
    this.#slots.clear()
    this.#dirty = []
    this.#committing = []
  }

  onFilled(slot: KeyValueSlot, byteCount: number): void {
    this.meter.readBytes += byteCount
    this.#accountValue(slot, byteCount)
  }

  onAbandoned(slot: KeyValueSlot): void {
    // The slot stays in the scope's list until the commit; nothing is accounted for it any more.
    if (this.#slots.get(slot.keyText) === slot) this.#slots.delete(slot.keyText)
    slot.state = 'absent'
    this.scope.budget.forget(slot)
  }

  onEvicted(slot: KeyValueSlot): void {
    if (this.#slots.get(slot.keyText) !== slot) return
    this.#slots.delete(slot.keyText)
    this.meter.evictedCount += 1
  }

  #accountValue(slot: KeyValueSlot, byteCount: number): void {
    const bytes = slotBytes + slot.keyText.length + decodedBytesFactor * byteCount
    this.scope.budget.account(slot, bytes)
  }

  notLoaded(key: string): TidemarkError {
    const { name: store } = this.#definition
    return new TidemarkError(
      'STORE_KEY_NOT_LOADED',
      `store ${store}: key ${key} is neither loaded nor written; ask for it in the processor's prefetch ` +
        `(prefetch.key('${store}', key)), or await store.load([key]) before get`,
      { details: { store, partition: this.scope.partition, key } },
    )
  }
}
