/**
 * Which of two versions of one event counts, where their event times say nothing: the one that was sent later, and of two
 * that were sent in the same millisecond the greater. So it follows from the versions alone, in any order (law 1).
 */
import { present } from '../../core/assert.ts'
import { isEventTime } from '../../quality/event-time.ts'
import type { ProcessorContext } from '../processor.ts'
import { compareText } from '../text-order.ts'

/** What a version says: what matters most stands first. */
export type Content = null | boolean | number | string | readonly Content[]

/**
 * When the version in hand was sent: the time that its record bears, which a replay and whoever copies records keep.
 * @param eventMs taken where the record bears none that can be kept
 */
export function sentMsOf(
  { recordMetadata }: Pick<ProcessorContext, 'recordMetadata'>,
  eventMs: number,
): number {
  const { timestampMs } = present(recordMetadata, 'the record in hand')
  return isEventTime(timestampMs) ? timestampMs : eventMs
}

/** Nothing below something, wrong below right, numbers as numbers, lists item by item; texts anyhow. 0 only for the same. */
export function compareContents(a: Content, b: Content): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  return compareLists(a as readonly Content[], b as readonly Content[])
}

/** −0 below 0: rows tell them apart. */
function compareNumbers(a: number, b: number): number {
  return a - b || Number(Object.is(b, -0)) - Number(Object.is(a, -0))
}

function compareLists(a: readonly Content[], b: readonly Content[]): number {
  for (const [index, item] of a.entries()) {
    if (index === b.length) return 1
    const order = compareContents(item, b[index] as Content)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** By name, ascending. */
export function entriesOf(numbers: Readonly<Record<string, number>>): Content {
  return Object.entries(numbers).sort(([a], [b]) => compareText(a, b))
}
