import type { StateBackend, StateChange, StateEntry, StateRange, StateRead } from '../core/state.ts'
import { storesConformance } from './stores-conformance.test-suite.ts'
import { storesModel } from './stores-model.test-suite.ts'

/** The least that keeps the port's word: the stores are tested apart from any backend's own faults. */
class MapBackend implements StateBackend {
  readonly #values: Map<string, Buffer>

  constructor(values: Map<string, Buffer>) {
    this.#values = values
  }

  async readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    return reads.map((read) => this.#values.get(place(read, read.key)) ?? null)
  }

  async scan(range: StateRange): Promise<readonly StateEntry[]> {
    const start = place(range, Buffer.alloc(0))
    const entries = [...this.#values]
      .filter(([text]) => text.startsWith(start))
      .map(([text, value]) => ({ key: Buffer.from(text.slice(start.length), 'latin1'), value }))
      .filter(({ key }) => range.from === undefined || key.compare(range.from) >= 0)
      .filter(({ key }) => range.to === undefined || key.compare(range.to) < 0)
      .sort((left, right) => left.key.compare(right.key))
    if (range.reverse === true) entries.reverse()
    return entries.slice(0, range.entriesMax)
  }

  async write(changes: readonly StateChange[]): Promise<void> {
    for (const change of changes) {
      const at = place(change, change.key)
      if (change.value === null) this.#values.delete(at)
      else this.#values.set(at, change.value)
    }
  }

  async close(): Promise<void> {}
}

function place({ store, partition }: { store: string; partition: number }, key: Buffer): string {
  return `${store} ${partition} ${key.toString('latin1')}`
}

async function openPlace() {
  const values = new Map<string, Buffer>()
  return {
    open: async () => new MapBackend(values),
    remove: async () => {},
  }
}

storesConformance('map', openPlace)
storesModel('map', openPlace, 300)
