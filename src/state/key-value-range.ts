/**
 * A range of a key-value store: the backend's entries, page by page, merged with what this task has written
 * and not yet committed. Deleted and expired entries are hidden; both directions.
 */
import { afterPrefix, dataEnd, dataKey } from './key-layout.ts'
import type { KeyValueCache } from './key-value-cache.ts'
import type { KeyValueSlot } from './key-value-slot.ts'

/** One read of the backend brings so many entries at most: it bounds the memory, not the result. */
const pageEntriesMax = 1024

/** Keys as latin1 text; `to` null is open. */
export interface TextRange {
  readonly from: string
  readonly to: string | null
  readonly prefix: string
  readonly reverse: boolean
  readonly entriesMax: number
}

interface Bounds {
  from: string
  to: string | null
}

interface Page {
  readonly entries: readonly { readonly keyText: string; readonly framed: Buffer }[]
  readonly isLast: boolean
}

export async function readRange(cache: KeyValueCache, range: TextRange): Promise<KeyValueSlot[]> {
  const left = boundsOf(range)
  const found: KeyValueSlot[] = []
  while (found.length < range.entriesMax && (left.to === null || left.from < left.to)) {
    const wanted = range.entriesMax - found.length
    const { commitCount } = cache.scope
    const page = await readPage(cache, left, range.reverse, Math.min(wanted, pageEntriesMax))
    // A commit came in between: what was uncommitted when we read may be in neither place now. Read again.
    if (commitCount !== cache.scope.commitCount) continue
    const done = pageBounds(page, left, range.reverse)
    mergePage(cache, page, done, range.reverse, found)
    if (page.isLast) break
    if (range.reverse) left.to = done.from
    else left.from = done.to ?? left.from
  }
  found.length = Math.min(found.length, range.entriesMax)
  cache.scope.budget.shrink()
  return found
}

function boundsOf({ from, to, prefix }: TextRange): Bounds {
  const end = afterPrefix(prefix)
  return {
    from: from > prefix ? from : prefix,
    to: to === null ? end : end === null || to < end ? to : end,
  }
}

async function readPage(
  cache: KeyValueCache,
  { from, to }: Bounds,
  reverse: boolean,
  entriesMax: number,
): Promise<Page> {
  const { backend, partition } = cache.scope
  const entries = await backend.scan({
    store: cache.meter.store,
    partition,
    from: dataKey(from),
    to: to === null ? dataEnd : dataKey(to),
    reverse,
    entriesMax,
  })
  return {
    entries: entries.map(({ key, value }) => ({
      keyText: key.toString('latin1', 1),
      framed: value,
    })),
    isLast: entries.length < entriesMax,
  }
}

/** The part of the range that this page has answered. */
function pageBounds(page: Page, left: Bounds, reverse: boolean): Bounds {
  const last = page.entries.at(-1)
  if (page.isLast || last === undefined) return { ...left }
  if (reverse) return { from: last.keyText, to: left.to }
  return { from: left.from, to: `${last.keyText}\0` }
}

function mergePage(
  cache: KeyValueCache,
  page: Page,
  done: Bounds,
  reverse: boolean,
  found: KeyValueSlot[],
): void {
  const keyTexts = new Set<string>()
  for (const { keyText, framed } of page.entries) {
    cache.adopt(keyText, framed)
    keyTexts.add(keyText)
  }
  for (const { keyText } of cache.uncommitted(done.from, done.to)) keyTexts.add(keyText)
  const ordered = [...keyTexts].sort()
  if (reverse) ordered.reverse()
  for (const keyText of ordered) {
    const slot = cache.find(keyText)
    if (slot !== undefined && cache.valueOf(slot) !== undefined) found.push(slot)
  }
}
