/** A model of joins of two streams: all records are kept, each knows its window, and all pairs are looked at. */
import { present } from '../../../src/core/assert.ts'
import type { Output, Parameters, RecordStep } from '../../differential/support/case.ts'
import type { Model } from './compare.ts'
import { foldable, StreamTime } from './folds.ts'

export const joinKinds = ['inner', 'left', 'outer'] as const

type Kind = (typeof joinKinds)[number]

interface Seen {
  readonly key: string
  readonly value: string
  readonly timestampMs: number
  readonly isLeft: boolean
  /** The stream time from which it waits for no partner. */
  readonly closeMs: number
  /** True: it may yet go out alone. */
  waits: boolean
}

export function joinModel(kind: Kind): (parameters: Parameters) => Model {
  return (parameters) => {
    const graceMs = present(parameters['graceMs'], 'a grace')
    const beforeMs = present(parameters['beforeMs'] ?? parameters['differenceMs'], 'a before')
    const afterMs = present(parameters['afterMs'] ?? parameters['differenceMs'], 'an after')
    const time = new StreamTime()
    const seen: Seen[] = []
    const isOuter = (isLeft: boolean) => kind === 'outer' || (kind === 'left' && isLeft)
    const pairs = (one: Seen, other: Seen) => {
      const [left, right] = one.isLeft ? [one, other] : [other, one]
      const apartMs = right.timestampMs - left.timestampMs
      return (
        one.isLeft !== other.isLeft &&
        one.key === other.key &&
        -beforeMs <= apartMs &&
        apartMs <= afterMs
      )
    }
    return (step) => {
      const nowMs = time.advance(step)
      const record = foldable(step)
      const isLeft = step.topic === 'input'
      const closed = seen
        .filter((each) => each.waits && each.closeMs <= nowMs)
        .toSorted(byClose)
        .map((each) => {
          each.waits = false
          return output(each, null, record?.header ?? null)
        })
      if (record === null) {
        const isAlone = step.key === null && step.value !== null && isOuter(isLeft)
        return [...(isAlone ? [keyless(step, isLeft)] : []), ...closed]
      }
      const { key, value, timestampMs, header } = record
      const closeMs = timestampMs + (isLeft ? afterMs : beforeMs) + graceMs + 1
      const own: Seen = { key, value, timestampMs, isLeft, closeMs, waits: false }
      const isLate = closeMs <= nowMs
      const partners = seen
        .filter((each) => pairs(own, each) && !(isLate && each.closeMs <= nowMs))
        .toSorted((one, other) => one.timestampMs - other.timestampMs)
      for (const partner of partners) partner.waits = false
      seen.push(own)
      own.waits = partners.length === 0 && isOuter(isLeft) && !isLate
      const goesAlone = partners.length === 0 && isOuter(isLeft) && isLate
      return [
        ...closed,
        ...partners.map((partner) => output(own, partner, header)),
        ...(goesAlone ? [output(own, null, header)] : []),
      ]
    }
  }
}

/** Of one moment the right side first, then by key, then as they came. */
function byClose(one: Seen, other: Seen): number {
  if (one.closeMs !== other.closeMs) return one.closeMs - other.closeMs
  if (one.isLeft !== other.isLeft) return one.isLeft ? 1 : -1
  return one.key < other.key ? -1 : Number(one.key > other.key)
}

function output(own: Seen, other: Seen | null, header: string | null): Output {
  const [left, right] = own.isLeft ? [own, other] : [other, own]
  const timestampMs = Math.max(own.timestampMs, other?.timestampMs ?? 0)
  const value = `${left?.value ?? null}|${right?.value ?? null}`
  return { topic: 'out', key: own.key, value, timestampMs, header }
}

function keyless({ value, timestampMs, header }: RecordStep, isLeft: boolean): Output {
  return {
    topic: 'out',
    key: null,
    value: isLeft ? `${value}|null` : `null|${value}`,
    timestampMs,
    header,
  }
}
