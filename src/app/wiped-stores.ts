/** A line where a store is restored in full though this instance had state of it: what it held was not its changelog's. */
import type { WipedStore } from '../runtime/runtime-status.ts'

/** @param tell a line for the operator; one for all partitions of a store. */
export function wipedStoresTold(tell: (line: string) => void): (wiped: WipedStore) => void {
  const told = new Set<string>()
  return ({ store, topic, reason }) => {
    const line = `store ${store} is wiped here and restored from the start of ${topic}: ${reason}`
    if (told.has(line)) return
    told.add(line)
    tell(line)
  }
}
