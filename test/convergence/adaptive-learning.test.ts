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
import { assertNear, type Tables } from '../golden/near.ts'
import { factsOf } from '../golden/oracle-adaptive-learning.ts'
import { mcqItemStatistics } from '../golden/oracle-item-statistics.ts'
import type { McqEvents } from '../golden/oracle-mcq.ts'
import { adaptiveEvents, adaptiveSet } from './adaptive-learning-events.ts'
import { deliverThroughCrashes } from './crashing.ts'
import { delivering, type Deliver } from './deliver.ts'
import { isReferenceData, mcqEvents } from './mcq-events.ts'
import { deliveries, type Delivery, type SourceEvent } from './scenario.ts'

/** Cases of each law; TIDEMARK_TEST_CASES asks for more or fewer. */
const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 200)

interface Case {
  readonly set: readonly SourceEvent[]
  readonly delivery: Delivery
}

function casesOf(
  sets: fc.Arbitrary<SourceEvent[]>,
  isReference: (event: SourceEvent) => boolean,
): fc.Arbitrary<Case> {
  return sets.chain((set) => deliveries(set, isReference).map((delivery) => ({ set, delivery })))
}

const adaptiveCases = casesOf(adaptiveEvents, () => false)

/** In order, one by one: as features are served online. */
function online(set: readonly SourceEvent[]): Delivery {
  const events = set.toSorted((a, b) => a.timestampMs - b.timestampMs)
  return { events, partitionCount: 1, batchRecords: 1, runAfter: [...events.keys()] }
}

/** Superseded rows tell what was known meanwhile, so they follow from the delivery and not from the set. */
function facts({ user_attempts_superseded: _, ...tables }: Tables): Tables {
  return tables
}

async function deliverer(): Promise<Deliver> {
  return delivering({ graph: adaptiveLearning, factTables: factTables as readonly FactTable[] })
}

test('any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await deliverer()
  const property = fc.asyncProperty(adaptiveCases, async ({ set, delivery }) => {
    const tables = facts(await deliver(delivery))
    assertNear(tables, { ...factsOf(adaptiveSet(set)) })
    assert.deepEqual(tables, facts(await deliver(online(set))), 'online and replayed, bit for bit')
  })
  await fc.assert(property, { numRuns: cases })
})

test('a crash after any event changes no row and loses nothing', async () => {
  const property = fc.asyncProperty(adaptiveCases, async ({ delivery }) => {
    assert.deepEqual(await run(delivery, true), await run(delivery, false))
  })
  await fc.assert(property, { numRuns: Math.ceil(cases / 10) })
})

test('an event that has no part in the facts is kept in quarantine, each time it comes', async () => {
  const property = fc.asyncProperty(adaptiveCases, async ({ delivery }) => {
    const bad = delivery.events.filter((event) => {
      const tables = factsOf(adaptiveSet([event]))
      return Object.values(tables).every((rows: unknown[]) => rows.length === 0)
    })
    assert.equal((await run(delivery, false)).quarantined, bad.length)
  })
  await fc.assert(property, { numRuns: Math.ceil(cases / 4) })
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

async function run(delivery: Delivery, crashes: boolean) {
  const compared = (factTables as readonly FactTable[]).filter(
    ({ table }) => table !== 'user_attempts_superseded',
  )
  const subject = { graph: adaptiveLearning, factTables: compared }
  const { tables, quarantine } = await deliverThroughCrashes(subject, delivery, crashes)
  const origins = quarantine.map(({ value }) => [value?.topic, value?.partition, value?.offset])
  const quarantined = new Set(origins.map((origin) => JSON.stringify(origin))).size
  return { tables, quarantined }
}

function mcqSet(set: readonly SourceEvent[]): McqEvents {
  const of = (topic: string) =>
    set
      .filter((event) => event.topic === topic)
      .map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return {
    answers: of('answers'),
    sessions: of('sessions'),
    submissions: of('submissions'),
    questions: of('questions'),
    tests: of('tests'),
  } as unknown as McqEvents
}
