/** What ClickHouse has lost while an instance runs, made as a start makes it, and once for all consumers that miss some of it. */
import type { Sink } from '../sinks/sink.ts'
import type { Cleanup } from './cleanup.ts'

export interface MakeAnewParts {
  readonly sink: Pick<Sink, 'setup'>
  /** Once the tables are there. */
  readonly keepEpochs: () => Promise<void>
  readonly cleanup: Cleanup
}

/** @returns what the consumers call; it throws what a start would be refused by */
export function openMakeAnew({ sink, keepEpochs, cleanup }: MakeAnewParts): () => Promise<void> {
  const ending = new AbortController()
  let underWay: Promise<void> | null = null
  const make = async () => {
    await sink.setup(ending.signal)
    await keepEpochs()
  }
  const close = async () => {
    ending.abort()
    // Its lock of the tables is given back; what it failed with is nobody's now.
    await underWay?.catch(() => {})
  }
  cleanup.add({ name: 'lost tables', close })
  return () => {
    underWay ??= make().finally(() => {
      underWay = null
    })
    return underWay
  }
}
