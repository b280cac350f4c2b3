/**
 * Sums up what papers change in each test, and hands on the tally of each test that a batch has touched, once.
 *
 * A tally is kept in parts (`tally-parts.ts`): the first by test in `item-tallies`, others by test and number in
 * `more-item-tallies`. Those are read where the first is full, so that a test of few items is one read and one write.
 */
import { noHeaders } from '../../core/record.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import type { Timestamped } from '../timestamped.ts'
import { addToParts, joinedParts } from './tally-parts.ts'
import { tallyItemsMax, type Tally } from './tally.ts'

export const tallyStores = { first: 'item-tallies', more: 'more-item-tallies' } as const

export type TestId = readonly [testId: string]
/** Parts have numbers from 1 up; 0 is the first part, which is in the other store. */
export type TallyPartId = readonly [testId: string, part: number]

type Changes = [Tally, ...Tally[]]

export class TalliesProcessor implements Processor<TestId, Tally | null, TestId, Tally> {
  readonly #itemsMax: number
  #context!: ProcessorContext<TestId, Tally>
  #first!: KeyValueStore<TestId, Timestamped<Tally>>
  #more!: KeyValueStore<TallyPartId, Timestamped<Tally>>
  /** Of the batch, by test. */
  #changes = new Map<string, Changes>()

  /** @param itemsMax of a part */
  constructor(itemsMax = tallyItemsMax) {
    this.#itemsMax = itemsMax
  }

  init(context: ProcessorContext<TestId, Tally>): void {
    this.#context = context
    this.#first = context.store(tallyStores.first)
    this.#more = context.store(tallyStores.more)
  }

  prefetch({ key }: StreamRecord<TestId>, _parent: string, prefetch: Prefetch): void {
    prefetch.key(tallyStores.first, key)
  }

  process({ key: [testId], value }: StreamRecord<TestId, Tally | null>): void {
    if (value === null) {
      this.#context.countDropped('null-value')
      return
    }
    const changes = this.#changes.get(testId)
    if (changes === undefined) this.#changes.set(testId, [value])
    else changes.push(value)
  }

  async flush(): Promise<void> {
    const touched = [...this.#changes]
    this.#changes = new Map()
    for (const [testId, changes] of touched) this.#add(testId, await this.#parts(testId), changes)
  }

  async #parts(testId: string): Promise<readonly Tally[]> {
    const first = this.#first.get([testId])?.value ?? null
    if (first === null) return []
    if (first.items.length < this.#itemsMax) return [first]
    const from = [testId, 1] as const
    const to = [testId, Number.MAX_SAFE_INTEGER] as const
    const more = await this.#more.range({ from, to, entriesMax: Infinity })
    return [first, ...more.flatMap(({ value }) => value.value ?? [])]
  }

  #add(testId: string, before: readonly Tally[], changes: Changes): void {
    const { parts, changed } = addToParts(before, changes, this.#itemsMax)
    const value = joinedParts(parts)
    const timestampMs = value.eventTimeMs
    for (const [number, part] of changed) {
      if (number === 0) this.#first.put([testId], { value: part, timestampMs })
      else this.#more.put([testId, number], { value: part, timestampMs })
    }
    this.#context.forward({ key: [testId], value, timestampMs, headers: noHeaders })
  }
}
