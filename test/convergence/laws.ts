/** Laws 2, 4 and 8 over the cases of any topology. Law 1 is each topology's own, against its oracle. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { deliverThroughCrashes, type Delivered } from './crashing.ts'
import { delivering, type Subject } from './deliver.ts'
import type { Case, Delivery, SourceEvent } from './scenario.ts'

/** Law 2: what was committed is there once, as if nothing had happened. */
export async function assertCrashesChangeNothing(
  subject: Subject,
  cases: fc.Arbitrary<Case>,
  numRuns: number,
): Promise<void> {
  const property = fc.asyncProperty(cases, async ({ delivery }) => {
    const crashed = await deliverThroughCrashes(subject, delivery, true)
    const undisturbed = await deliverThroughCrashes(subject, delivery, false)
    assert.deepEqual(crashed.tables, undisturbed.tables)
    assert.deepEqual(refused(crashed), refused(undisturbed))
  })
  await fc.assert(property, { numRuns })
}

/** Law 4: what is refused is in quarantine each time it comes, and the subject's tables are as if it never came. */
export async function assertRefusedAreKept(
  subject: Subject,
  cases: fc.Arbitrary<Case>,
  isRefused: (event: SourceEvent) => boolean,
  numRuns: number,
): Promise<void> {
  let refusedOfAll = 0
  const property = fc.asyncProperty(cases, async ({ delivery }) => {
    const delivered = await deliverThroughCrashes(subject, delivery, false)
    const { true: bad = [], false: events = [] } = Object.groupBy(delivery.events, (event) =>
      isRefused(event) ? 'true' : 'false',
    )
    const kept = [...refused(delivered).values()].map(({ topic }) => topic)
    assert.deepEqual(kept.sort(), bad.map(({ topic }) => topic).sort())
    const without = await deliverThroughCrashes(subject, { ...delivery, events }, false)
    assert.deepEqual(delivered.tables, without.tables)
    refusedOfAll += bad.length
  })
  await fc.assert(property, { numRuns })
  assert.ok(refusedOfAll > 0, 'no case had anything that is refused')
}

const replayedAtMs = Date.UTC(2030, 0)

/** Law 8: batch by batch as it comes, and years later all that lies in the log at once. */
export async function assertReplayGivesTheSame(
  subject: Subject,
  cases: fc.Arbitrary<Case>,
  numRuns: number,
): Promise<void> {
  const deliver = await delivering(subject)
  const property = fc.asyncProperty(cases, async ({ delivery }) => {
    const live: Delivery = { ...delivery, batchRecords: 1, runAfter: [...delivery.events.keys()] }
    const replay: Delivery = { ...delivery, batchRecords: 1000, runAfter: [] }
    assert.deepEqual(await deliver(replay, replayedAtMs), await deliver(live))
  })
  await fc.assert(property, { numRuns })
}

/** The original bytes of each record, by where it lies: one that several tasks refuse is one. */
function refused({ quarantine }: Delivered) {
  const entries = quarantine.flatMap(({ value }) =>
    value === null || value.level === 'Warning' ? [] : [value],
  )
  return new Map(
    entries.map(({ topic, partition, offset, record_value }) => [
      JSON.stringify([topic, partition, offset]),
      { topic, bytes: record_value },
    ]),
  )
}
