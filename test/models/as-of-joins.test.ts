/** A model of joins with a versioned table: all updates are kept, and the row of a time is looked for among them. */
import { present } from '../../src/core/assert.ts'
import type { Parameters, RecordStep } from '../differential/support/case.ts'
import { asOfJoins } from '../differential/topologies/as-of-joins.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { StreamTime } from './support/folds.ts'

type Row = (value: string | null) => string | null

function joinModel(isLeft: boolean, rowOf: Row = (value) => value) {
  return (parameters: Parameters): Model => {
    const historyMs = present(parameters['historyMs'], 'a history')
    const time = new StreamTime()
    const updates: RecordStep[] = []
    return (record) => {
      const horizonMs = time.advance(record) - historyMs
      const { key, value, timestampMs } = record
      if (record.topic === 'table') {
        if (key !== null && timestampMs >= horizonMs) updates.push(record)
        return []
      }
      if (value === null || (key === null && !isLeft)) return []
      const ofKey = key === null ? [] : updates.filter((update) => update.key === key)
      const latestMs = Math.max(...ofKey.map((update) => update.timestampMs))
      const isForgotten = timestampMs < latestMs && timestampMs < horizonMs
      const then = ofKey.filter((update) => update.timestampMs <= timestampMs).toSorted(byVersion)
      const row = isForgotten ? null : rowOf(then.at(-1)?.value ?? null)
      if (row === null && !isLeft) return []
      return [{ ...record, topic: 'out', value: `${value}|${row}` }]
    }
  }
}

/** By time; of one moment the delete, else the greater value, is the last. */
function byVersion(one: RecordStep, other: RecordStep): number {
  if (one.timestampMs !== other.timestampMs) return one.timestampMs - other.timestampMs
  if (one.value === null || other.value === null) {
    return Number(one.value === null) - Number(other.value === null)
  }
  return one.value < other.value ? -1 : 1
}

const passing: Row = (value) => (value?.includes('1') === true ? `${value}!` : null)
const inputs = { topics: ['input', 'table'], edgesMs: [0, 5, 10, 15, 20, 30, 45] }
const parameters = [{ historyMs: 1000 }, { historyMs: 20 }, { historyMs: 1 }]

compare([
  {
    name: 'an as-of join',
    build: asOfJoins['as-of-join'],
    model: joinModel(false),
    inputs,
    parameters,
  },
  {
    name: 'an as-of left join',
    build: asOfJoins['as-of-left-join'],
    model: joinModel(true),
    inputs,
    parameters,
  },
  {
    name: 'an as-of left join with a filtered table',
    build: asOfJoins['as-of-join-with-filtered'],
    model: joinModel(true, passing),
    inputs,
    parameters,
  },
])
