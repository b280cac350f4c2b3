/**
 * What is known of a part of a content: whether any drop of it counts, and the latest time at which one came. A function of
 * the set of its events (law 1): drops with a name are counted by those who know which of them came; of those without,
 * as earlier versions sent them, the greatest place decides.
 */
import type { Serde } from '../../core/serde.ts'

export interface Part {
  /** Place of what came without a name: the latest time it was dropped or, half a millisecond behind it, was retracted. */
  readonly unnamedPlaceMs: number
  /** The latest time at which its rows came, retracted or not: whoever retracts a drop has no rows to send anew. */
  readonly latestMs: number
  /** Drops with a name that came and are not retracted. */
  readonly drops: number
}

const retractedBehindMs = 0.5
const partBytes = 24

export const noPart: Part = { unnamedPlaceMs: -Infinity, latestMs: -Infinity, drops: 0 }

export function placeOf(timeMs: number, isRetracted: boolean): number {
  return isRetracted ? timeMs + retractedBehindMs : timeMs
}

/** Whether its rows are facts. */
export function counts({ unnamedPlaceMs, drops }: Part): boolean {
  return drops > 0 || Number.isInteger(unnamedPlaceMs)
}

/** Earlier versions wrote the place alone. */
export const partSerde: Serde<Part> = {
  serialize: ({ unnamedPlaceMs, latestMs, drops }) => {
    const bytes = Buffer.allocUnsafe(partBytes)
    bytes.writeDoubleBE(unnamedPlaceMs)
    bytes.writeDoubleBE(latestMs, 8)
    bytes.writeDoubleBE(drops, 16)
    return bytes
  },
  deserialize: (bytes) => {
    const unnamedPlaceMs = bytes.readDoubleBE()
    if (bytes.length < partBytes) {
      return { unnamedPlaceMs, latestMs: Math.floor(unnamedPlaceMs), drops: 0 }
    }
    return { unnamedPlaceMs, latestMs: bytes.readDoubleBE(8), drops: bytes.readDoubleBE(16) }
  },
}
