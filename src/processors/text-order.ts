/** By code units: for orders that only have to be the same everywhere. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** By UTF-8 bytes: the order of texts in keys of stores (`core/tuple.ts`). */
export function compareAsKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
