/** The rows of a test's items, whenever the test's sums change: one record in, one for each item out. */
import { noHeaders } from '../../core/record.ts'
import type { ItemStatisticsColumns } from '../../facts/item-statistics.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import {
  itemStatistics,
  testStatistics,
  type ItemSums,
  type TestSums,
  type TestStatistics,
} from './item-statistics.ts'
import type { ItemTally, Tally } from './tally.ts'

/** Whose marks an item's statistics rest on. An item that a learner of the test left out has mark 0 among `all`,
 * and none among those who `answered`. The test's statistics always rest on all. */
export type Population = 'all' | 'answered'

export interface StatisticsRowsOptions<Row> {
  readonly population: Population
  /** With the columns that name the test and the item. */
  readonly rowOf: (testId: string, itemId: string, columns: ItemStatisticsColumns) => Row
}

type TestId = readonly [testId: string]
type ItemId = readonly [testId: string, itemId: string]

export class StatisticsRowsProcessor<Row> implements Processor<
  TestId,
  Tally | null,
  ItemId,
  Row | null
> {
  readonly #options: StatisticsRowsOptions<Row>
  #context!: ProcessorContext<ItemId, Row | null>

  constructor(options: StatisticsRowsOptions<Row>) {
    this.#options = options
  }

  init(context: ProcessorContext<ItemId, Row | null>): void {
    this.#context = context
  }

  process({ value: tally }: StreamRecord<TestId, Tally | null>): void {
    if (tally === null) {
      this.#context.countDropped('null-value')
      return
    }
    const { population, rowOf } = this.#options
    const { testId, eventTimeMs } = tally
    const knownAtMs = this.#context.wallClockMs
    const present = tally.items.map(({ sums }) => sums).filter(({ learners }) => learners > 0)
    const statistics = testStatistics(present, tally.test)
    const shared = {
      ...testColumns(tally.test, present.length, statistics),
      event_time: eventTimeMs,
      known_at: knownAtMs,
    }
    for (const item of tally.items) {
      const { itemId } = item
      let value: Row | null = null
      // Of a change in parts the first may be here alone: the last learner gone, and items still to follow.
      if (item.sums.learners > 0 && tally.test.learners > 0) {
        value = rowOf(testId, itemId, { ...columnsOf(item, tally, population), ...shared })
      }
      const key = [testId, itemId] as const
      this.#context.forward({ key, value, timestampMs: eventTimeMs, headers: noHeaders })
    }
  }
}

function columnsOf(item: ItemTally, tally: Tally, population: Population) {
  const test = population === 'all' ? tally.test : item.test
  const sums: ItemSums = { ...item.sums, learners: test.learners }
  const { facility, standardDeviation, discriminationIndex } = itemStatistics(sums, test)
  return {
    learners: test.learners,
    facility,
    mean: sums.x / test.learners,
    standard_deviation: standardDeviation,
    discrimination_index: discriminationIndex,
  }
}

function testColumns({ learners }: TestSums, items: number, statistics: TestStatistics) {
  return {
    test_learners: learners,
    test_items: items,
    test_mean: statistics.mean,
    test_standard_deviation: statistics.standardDeviation,
    test_reliability: statistics.alpha,
    test_standard_error: statistics.standardError,
  }
}
