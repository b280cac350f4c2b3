/** Made-up inputs: late and out of order, repeated, without key or value, and on every edge of the windows. */
import fc from 'fast-check'
import type { ClockStep, RecordStep, Step } from './case.ts'

const keys = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('a', 'b', '1') },
  { weight: 1, arbitrary: fc.constant(null) },
)
/** First letters are keys too, so that rows point to rows. */
const values = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('1', '2', '3', 'a', 'b', '12', 'ab', 'a1', '') },
  { weight: 2, arbitrary: fc.constant(null) },
)
const headers = fc.oneof(fc.constant(null), fc.constantFrom('x', 'y'))

export interface InputOptions {
  readonly topics: readonly string[]
  /** Moments to meet exactly, and one before and one after. */
  readonly edgesMs?: readonly number[]
  readonly timestampMax?: number
  readonly advances?: readonly number[]
}

export function steps(options: InputOptions): fc.Arbitrary<Step[]> {
  const { topics, edgesMs = [0], timestampMax = 60, advances = [] } = options
  const nearEdges = edgesMs.flatMap((edge) => [Math.max(0, edge - 1), edge, edge + 1])
  const timestamps = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...nearEdges) },
    { weight: 2, arbitrary: fc.nat(timestampMax) },
  )
  const record: fc.Arbitrary<RecordStep> = fc.record({
    topic: fc.constantFrom(...topics),
    key: keys,
    value: values,
    timestampMs: timestamps,
    header: headers,
  })
  if (advances.length === 0) return repeated(fc.array(record, { maxLength: 20 }))
  const clock: fc.Arbitrary<ClockStep> = fc.record({ advanceMs: fc.constantFrom(...advances) })
  const step = fc.oneof({ weight: 3, arbitrary: record }, { weight: 1, arbitrary: clock })
  return fc.array<Step>(step, { maxLength: 20 })
}

/** Some records come twice, the second time later. */
function repeated(records: fc.Arbitrary<RecordStep[]>): fc.Arbitrary<Step[]> {
  return fc
    .tuple(records, fc.array(fc.tuple(fc.nat(100), fc.nat(100)), { maxLength: 3 }))
    .map(([all, again]) => {
      const more = [...all]
      for (const [from, to] of again) {
        const record = all[from % Math.max(1, all.length)]
        if (record !== undefined) more.splice(to % (more.length + 1), 0, record)
      }
      return more
    })
}
