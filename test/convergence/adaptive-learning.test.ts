/**
 * Laws 1, 2, 4 and 8 for adaptive learning, and law 1 for the statistics of the test platform's items: random sets,
 * random deliveries, every column of every row.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FactTable } from '../../src/core/fact-table.ts'
import adaptiveLearning, { factTables } from '../../topologies/adaptive-learning.ts'
import mcq, { factTables as mcqTables } from '../../topologies/mcq.ts'
import { assertNear } from '../golden/near.ts'
import { factsOf } from '../golden/oracle-adaptive-learning.ts'
import { mcqItemStatistics } from '../golden/oracle-item-statistics.ts'
import { adaptiveEvents, adaptiveSet } from './adaptive-learning-events.ts'
import { delivering } from './deliver.ts'
import {
  assertCrashesChangeNothing,
  assertRefusedAreKept,
  assertReplayGivesTheSame,
} from './laws.ts'
import { isReferenceData, mcqEvents, mcqSet } from './mcq-events.ts'
import { casesOf, type Delivery, type SourceEvent } from './scenario.ts'

/** Cases of each law; TIDEMARK_TEST_CASES asks for more or fewer. */
const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 200)

const adaptiveCases = casesOf(adaptiveEvents)

/** Without superseded rows: they tell what was known meanwhile, so they follow from the delivery and not from the set. */
const ofEvents = {
  graph: adaptiveLearning,
  factTables: (factTables as readonly FactTable[]).filter(
    ({ table }) => table !== 'user_attempts_superseded',
  ),
}

/** In order, one by one: as features are served online. */
function online(set: readonly SourceEvent[]): Delivery {
  const events = set.toSorted((a, b) => eventMsOf(a) - eventMsOf(b))
  return { events, partitionCount: 1, batchRecords: 1, runAfter: [...events.keys()] }
}

function eventMsOf({ value, timestampMs }: SourceEvent): number {
  const { timestamp, start_time: startMs, end_time: endMs } = value as Record<string, number | null>
  return timestamp ?? endMs ?? startMs ?? timestampMs
}

test('any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering(ofEvents)
  const property = fc.asyncProperty(adaptiveCases, async ({ set, delivery }) => {
    const tables = await deliver(delivery)
    assertNear(tables, { ...factsOf(adaptiveSet(set)) })
    assert.deepEqual(tables, await deliver(online(set)), 'online and replayed, bit for bit')
  })
  await fc.assert(property, { numRuns: cases })
})

test('a crash after any event changes no row and loses nothing', async () => {
  await assertCrashesChangeNothing(ofEvents, adaptiveCases, Math.ceil(cases / 10))
})

test('an event that has no part in the facts is kept in quarantine, each time it comes', async () => {
  const isRefused = (event: SourceEvent) => {
    const tables = factsOf(adaptiveSet([event]))
    return Object.values(tables).every((rows: unknown[]) => rows.length === 0)
  }
  await assertRefusedAreKept(ofEvents, adaptiveCases, isRefused, Math.ceil(cases / 4))
})

test('a live run of many small batches and a replay of its log give the same rows, bit for bit', async () => {
  await assertReplayGivesTheSame(ofEvents, adaptiveCases, Math.ceil(cases / 4))
})

test('mcq: the statistics of items follow from the set of events', async () => {
  const deliver = await delivering({ graph: mcq, factTables: mcqTables as readonly FactTable[] })
  const property = fc.asyncProperty(
    casesOf(mcqEvents, isReferenceData),
    async ({ set, delivery }) => {
      const { item_statistics = [] } = await deliver(delivery)
      assertNear({ item_statistics }, { item_statistics: mcqItemStatistics(mcqSet(set)) })
    },
  )
  await fc.assert(property, { numRuns: Math.ceil(cases / 2) })
})
