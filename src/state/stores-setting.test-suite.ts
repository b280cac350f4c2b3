/** What the suites of the typed stores share: definitions, a counted backend, and a test's setting. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { partition, storeName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { StateBackend, StateRange, StateRead } from '../core/state.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { KeyValueStore, SessionStore, StoreDefinition, WindowStore } from './stores.ts'
import { openTaskStores } from './task-stores.ts'
import type { TaskStores } from './task-stores.ts'

/** Where one backend keeps its data, so that it can be opened again. */
export interface BackendPlace {
  open(): Promise<StateBackend>
  /** Closes what is open and deletes the data. */
  remove(): Promise<void>
}

export const latin1Serde: Serde<string> = {
  serialize: (text) => Buffer.from(text, 'latin1'),
  deserialize: (bytes) => bytes.toString('latin1'),
}

export const jsonSerde: Serde<unknown> = {
  serialize: (value) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes) => JSON.parse(bytes.toString()) as unknown,
}

export const common = { keySerde: latin1Serde, valueSerde: jsonSerde }
export const task = partition(1)

export function keyValue(name: string, ttlMs: number | null = null): StoreDefinition {
  return { ...common, kind: 'key-value', name: storeName(name), ttlMs }
}

export function windows(name: string, retentionMs: number): StoreDefinition {
  return { ...common, kind: 'window', name: storeName(name), windowSizeMs: 10, retentionMs }
}

export function sessions(name: string, retentionMs: number): StoreDefinition {
  return { ...common, kind: 'session', name: storeName(name), retentionMs }
}

/** Counts what reaches the backend. */
export class CountedBackend implements StateBackend {
  readonly #inner: StateBackend
  readonly batches: number[] = []
  readonly scans: StateRange[] = []
  failure: Error | null = null
  /** Runs once, after the next scan has read and before it answers. */
  afterScan: (() => Promise<void>) | null = null

  constructor(inner: StateBackend) {
    this.#inner = inner
  }

  async readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    this.batches.push(reads.length)
    if (this.failure !== null) throw this.failure
    return this.#inner.readMany(reads)
  }

  async scan(range: StateRange): ReturnType<StateBackend['scan']> {
    this.scans.push(range)
    if (this.failure !== null) throw this.failure
    const entries = await this.#inner.scan(range)
    const { afterScan } = this
    this.afterScan = null
    await afterScan?.()
    return entries
  }

  write(changes: Parameters<StateBackend['write']>[0]): Promise<void> {
    return this.#inner.write(changes)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

export interface Setting {
  readonly backend: CountedBackend
  readonly stores: TaskStores
  readonly budget: MemoryBudget
  readonly commit: () => Promise<number>
  /** Other stores on the same data, with nothing cached. */
  readonly again: (definitions?: readonly StoreDefinition[]) => TaskStores
}

export type Given = (
  sentence: string,
  definitions: readonly StoreDefinition[],
  body: (setting: Setting) => Promise<void>,
  budget?: MemoryBudget,
) => void

export function keyValueOf(stores: TaskStores, name: string): KeyValueStore<string, unknown> {
  return stores.get(name) as KeyValueStore<string, unknown>
}

export function windowsOf(stores: TaskStores, name: string): WindowStore<string, unknown> {
  return stores.get(name) as WindowStore<string, unknown>
}

export function sessionsOf(stores: TaskStores, name: string): SessionStore<string, unknown> {
  return stores.get(name) as SessionStore<string, unknown>
}

export function isError(code: string, ...parts: string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof TidemarkError)
    assert.equal(thrown.code, code)
    for (const part of parts) assert.ok(thrown.message.includes(part), thrown.message)
    return true
  }
}

/** Declares tests that each have a place of their own; `storesConformance` hands it to the suites. */
export function givenOver(backendName: string, openPlace: () => Promise<BackendPlace>): Given {
  return (
    sentence: string,
    definitions: readonly StoreDefinition[],
    body: (setting: Setting) => Promise<void>,
    budget = new MemoryBudget(10_000_000),
  ) =>
    void test(`${backendName}: ${sentence}`, async () => {
      const place = await openPlace()
      try {
        const backend = new CountedBackend(await place.open())
        const again = (others = definitions) =>
          openTaskStores({ definitions: others, partition: task, backend, budget })
        const stores = again()
        const commit = async () => {
          const changes = stores.pendingChanges()
          await backend.write(changes)
          stores.committed()
          return changes.length
        }
        await body({ backend, stores, budget, commit, again })
      } finally {
        await place.remove()
      }
    })
}
