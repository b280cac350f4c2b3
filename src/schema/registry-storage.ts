/**
 * Where a local registry keeps its records: a compacted log of text keys and values. The registry sits below
 * the log in the house; whoever composes it hands in an adapter.
 */
export interface RegistryRecord {
  readonly key: string
  /** Null deletes the key. */
  readonly value: string | null
}

export interface RegistryStorage {
  /** In the order of their appending; of records with one key at least the last. */
  load(): Promise<readonly RegistryRecord[]>
  /** All of them or none; durable when it resolves. */
  append(records: readonly RegistryRecord[]): Promise<void>
}

/** For tests and the test driver: lives as long as the object. */
export class MemoryRegistryStorage implements RegistryStorage {
  readonly #records: RegistryRecord[] = []

  load(): Promise<readonly RegistryRecord[]> {
    return Promise.resolve([...this.#records])
  }

  append(records: readonly RegistryRecord[]): Promise<void> {
    this.#records.push(...records)
    return Promise.resolve()
  }
}
