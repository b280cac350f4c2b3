/**
 * All windows of a store in a range of time, whatever their key: found through the time index, merged with
 * what is not yet committed. Memory is bounded by the entries asked for, not by the windows in the range.
 */
import type { StateEntry } from '../core/state.ts'
import { dataKey, indexKey, readTime, successor, timeBytes } from './key-layout.ts'
import { pageEntriesMax } from './timed-cache.ts'
import type { TimedCache } from './timed-cache.ts'
import type { TimedSlot } from './timed-group.ts'

interface Window {
  readonly keyText: string
  readonly startMs: number
}

export async function readAllWindows(
  cache: TimedCache,
  fromMs: number,
  toMs: number,
  entriesMax: number,
): Promise<TimedSlot[]> {
  const from = Math.max(fromMs, cache.limitMs)
  if (from > toMs || entriesMax <= 0) return []
  for (;;) {
    const { commitCount } = cache.scope
    const windows = await findWindows(cache, from, toMs, entriesMax)
    const slots = await readWindows(cache, windows)
    // Where a commit came in between, an entry may have been in neither place: look again.
    if (commitCount === cache.scope.commitCount) {
      cache.scope.budget.shrink()
      return slots
    }
  }
}

async function findWindows(
  cache: TimedCache,
  fromMs: number,
  toMs: number,
  entriesMax: number,
): Promise<Window[]> {
  const { name: store } = cache.shape
  const { backend, partition } = cache.scope
  let best: Window[] = []
  let from = indexKey('', fromMs)
  const to = indexKey('', Math.min(toMs, Number.MAX_SAFE_INTEGER - 1) + 1)
  for (;;) {
    const page = await backend.scan({ store, partition, from, to, entriesMax: pageEntriesMax })
    for (const entry of page) {
      const window = windowOf(entry)
      const state = cache.peek(window.keyText, window.startMs)?.state
      if (state !== 'absent') best.push(window)
    }
    if (best.length > 2 * entriesMax) best = first(best, entriesMax)
    const last = page.at(-1)
    if (last === undefined || page.length < pageEntriesMax) break
    from = successor(last.key)
  }
  const seen = new Set(best.map(identity))
  for (const { group, primaryMs } of cache.uncommitted()) {
    const window = { keyText: group.keyText, startMs: primaryMs }
    if (primaryMs < fromMs || primaryMs > toMs || seen.has(identity(window))) continue
    seen.add(identity(window))
    best.push(window)
  }
  return first(best, entriesMax)
}

async function readWindows(cache: TimedCache, windows: readonly Window[]): Promise<TimedSlot[]> {
  const { name: store } = cache.shape
  const { backend, partition } = cache.scope
  const slots = windows.map(({ keyText, startMs }) => cache.slotFor(keyText, startMs))
  const missing = slots.filter((slot) => slot.state === 'loading')
  const reads = missing.map(({ group, primaryMs }) => ({
    store,
    partition,
    key: dataKey(group.keyText, primaryMs),
  }))
  const values = reads.length === 0 ? [] : await backend.readMany(reads)
  for (const [index, slot] of missing.entries()) slot.fill(values[index] ?? null)
  return slots.filter((slot) => slot.state !== 'absent')
}

function windowOf({ key }: StateEntry): Window {
  return { startMs: readTime(key, 1), keyText: key.toString('latin1', 1 + timeBytes) }
}

function identity({ keyText, startMs }: Window): string {
  return `${startMs} ${keyText}`
}

function first(windows: Window[], entriesMax: number): Window[] {
  windows.sort((left, right) => {
    if (left.keyText !== right.keyText) return left.keyText < right.keyText ? -1 : 1
    return left.startMs - right.startMs
  })
  return windows.slice(0, entriesMax)
}
